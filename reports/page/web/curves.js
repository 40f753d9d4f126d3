// Learning curves: the mean over seeds of a network's rows, or of the rows that the table shows.
const MOST_LINES = 24, SHOWN = "rows shown in the table";
const networksWithCurves = distinct(data.cells.filter(cell => cell.curve.length)
  .map(cell => networkOf(rows[cell.row])));

function meanCurve(place) {
  const own = data.cells.filter(cell => cell.row === place && cell.curve.length).map(cell => new Map(cell.curve.map(([epoch, ...rest]) => [epoch, rest])));
  const epochs = own.length ? [...own[0].keys()].filter(epoch => own.every(curve => curve.has(epoch))) : [];
  const mean = values => values.reduce((sum, value) => sum + value, 0) / values.length;
  return epochs.map(epoch => [epoch, mean(own.map(curve => curve.get(epoch)[0])), mean(own.map(curve => curve.get(epoch)[1]))]);
}

// What a curve may run along: where a point lies, and which rows have such points.
const along = {
  epoch: {choice: "epochs", axis: "epoch", hover: "epoch %{x}", has: () => true, at: (row, epoch) => epoch},
  seconds: {choice: "training seconds", axis: "training seconds alone, without the teacher's", hover: "%{x:.3s} s",
    has: row => row.timed, at: (row, epoch, seconds) => seconds},
  macs: {choice: "multiply-adds of training", axis: "multiply-adds of training, those of its teacher before it begins (10\u00b9\u00b2)",
    hover: "%{x:.4g} \u00b7 10\u00b9\u00b2 multiply-adds", has: row => row.compute[1] !== null,
    at: ({compute: [own, all, epochs]}, epoch) => (all - own + own * epoch / epochs) / 1e12},
};

// Where a colour is a method's, lines of several networks are told apart by their dashes.
function dashOf(place, i) {
  if (methodsOfRows.length > COLOURS) return Math.floor(i / COLOURS) % 4;
  return $("curves-of").value === SHOWN ? networksWithCurves.indexOf(networkOf(rows[place])) % 4 : 0;
}

function curveTraces(places) {
  const dashes = ["solid", "dash", "dot", "dashdot"], colours = palette(), chosen = along[$("curves-x").value];
  return places.map((place, i) => [place, meanCurve(place), i]).filter(([, curve]) => curve.length).map(([place, curve, i]) => ({
    type: "scatter", mode: "lines", name: plain(title(rows[place])), customdata: curve.map(() => place), x: curve.map(([epoch, , seconds]) => chosen.at(rows[place], epoch, seconds)),
    y: curve.map(([, score]) => 100 * score), line: {color: methodColour(rows[place], colours[i % COLOURS]), dash: dashes[dashOf(place, i)], width: 1.8},
    hovertemplate: `${plain(title(rows[place]))}<br>${chosen.hover}: %{y:.2f} %<extra></extra>`}));
}

function drawCurves() {
  const chosen = $("curves-of").value;
  const {has, axis} = along[$("curves-x").value];
  const places = (chosen === SHOWN ? shownPlaces() : rows.map((row, place) => place)
    .filter(place => networkOf(rows[place]) === chosen && !rows[place].deployed)).filter(place => has(rows[place]));
  const traces = curveTraces(places.slice(0, MOST_LINES));
  $("curves-note").textContent = places.length > MOST_LINES ? `The first ${MOST_LINES} of ${places.length}; filter the table for others.` : "";
  const narrow = innerWidth < 700, below = {orientation: "h", y: -0.2, yanchor: "top"};
  draw("curves", traces, {height: narrow ? 400 + 18 * traces.length : 400, showlegend: true,
    legend: {font: {size: 11}, itemclick: "toggleothers", itemdoubleclick: "toggle", ...(narrow ? below : {})},
    xaxis: {title: {text: axis}}, yaxis: {title: {text: plain(data.score.heading)}}});
}
if (networksWithCurves.length) {
  choices("curves-of", [...networksWithCurves, SHOWN].map(text => [text, text]), mostOf(data.cells.filter(cell => cell.curve.length).map(cell => networkOf(rows[cell.row]))));
  choices("curves-x", Object.entries(along).filter(([, each]) => rows.some(each.has)).map(([name, {choice}]) => [name, choice]), "epoch");
  for (const id of ["curves-of", "curves-x"]) $(id).addEventListener("change", drawCurves);
  picture("curves", drawCurves, 400);
} else $("curves-part").hidden = true;
