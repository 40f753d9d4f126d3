// Learning curves: the mean over seeds of a network's rows, or of the rows that the table shows.
const MOST_LINES = 24, SHOWN = "rows shown in the table";
const networksWithCurves = distinct(data.cells.filter(cell => cell.curve.length)
  .map(cell => `${rows[cell.row].architecture} ${rows[cell.row].conv}`));

function meanCurve(place) {
  const own = data.cells.filter(cell => cell.row === place && cell.curve.length).map(cell => new Map(cell.curve));
  const epochs = own.length ? [...own[0].keys()].filter(epoch => own.every(curve => curve.has(epoch))) : [];
  return epochs.map(epoch => [epoch, own.reduce((sum, curve) => sum + curve.get(epoch), 0) / own.length]);
}

function curveTraces(places) {
  const dashes = ["solid", "dash", "dot", "dashdot"], colours = palette();
  return places.map((place, i) => [place, meanCurve(place), i]).filter(([, curve]) => curve.length).map(([place, curve, i]) => ({
    type: "scatter", mode: "lines", name: plain(title(rows[place])), customdata: curve.map(() => place), x: curve.map(([epoch]) => epoch),
    y: curve.map(([, score]) => 100 * score), line: {color: colours[i % COLOURS], dash: dashes[Math.floor(i / COLOURS) % 4], width: 1.8},
    hovertemplate: `${plain(title(rows[place]))}<br>epoch %{x}: %{y:.2f} %<extra></extra>`}));
}

function drawCurves() {
  const chosen = $("curves-of").value;
  const places = chosen === SHOWN ? shownPlaces() : rows.map((row, place) => place)
    .filter(place => `${rows[place].architecture} ${rows[place].conv}` === chosen && !rows[place].deployed);
  const traces = curveTraces(places.slice(0, MOST_LINES));
  $("curves-note").textContent = places.length > MOST_LINES ? `The first ${MOST_LINES} of ${places.length}; filter the table for others.` : "";
  draw("curves", traces, {height: 400, showlegend: true, legend: {font: {size: 11}, itemclick: "toggleothers", itemdoubleclick: "toggle"},
    xaxis: {title: {text: "epoch"}}, yaxis: {title: {text: plain(data.score.heading)}}});
}
if (networksWithCurves.length) {
  choices("curves-of", [...networksWithCurves, SHOWN].map(text => [text, text]), networksWithCurves.at(-1));
  $("curves-of").addEventListener("change", drawCurves);
  picture("curves", drawCurves, 400);
} else $("curves-part").hidden = true;
