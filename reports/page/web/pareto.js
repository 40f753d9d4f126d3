// Score against a cost: every row at its true cost, with its interval; the front of the means; hover, choose, click.
const SYMBOLS = ["circle", "square", "triangle-up", "diamond", "triangle-down", "cross", "hexagon", "star"];
const symbolMeaning = () => meaning.name === "conv" ? "kind" : "conv";

function symbols() {
  const of = MEANINGS[symbolMeaning()][1], values = distinct(rows.map(of));
  return values.length > SYMBOLS.length ? () => "circle" : row => SYMBOLS[values.indexOf(of(row))];
}

function paretoTrace(field, places, symbolOf) {
  const quantity = quantityOf.get(field), own = places.map(place => rows[place]);
  const shown = own.map(isShown), colours = own.map(colourOf);
  return {
    type: "scatter", mode: "markers", customdata: places,
    x: places.map(place => numberOf(place, field) / quantity.scale), y: own.map(row => 100 * row.mean),
    error_y: {type: "data", symmetric: false, array: own.map((row, i) => shown[i] ? 100 * (row.high - row.mean) : 0),
      arrayminus: own.map((row, i) => shown[i] ? 100 * (row.mean - row.low) : 0), color: style("--faint"), thickness: 1, width: 0},
    marker: {color: colours, opacity: shown.map(yes => yes ? 0.95 : 0.15), size: own.map(row => row.deployed ? 7 : 10),
      symbol: places.map((place, i) => symbolOf(own[i]) + (inDoubt(place, field) ? "-open" : "")),
      line: {width: own.map(row => row.reference ? 2 : 1), color: own.map(row => style(row.reference ? "--ink" : "--ground"))}},
    text: places.map(place => hover(rows[place], `${quantity.title}: ${amount(quantity, numberOf(place, field))}${
      inDoubt(place, field) ? " (doubtful)" : ""}`)),
    hovertemplate: "%{text}<extra></extra>",
  };
}

// A step for each row of the front: what a cost buys at best.
function frontTrace(field) {
  const quantity = quantityOf.get(field), places = data.fronts[field];
  return {type: "scatter", mode: "lines", hoverinfo: "skip", x: places.map(place => numberOf(place, field) / quantity.scale),
    y: places.map(place => 100 * rows[place].mean),
    line: {shape: "hv", dash: "dash", width: 1.3, color: style("--faint")}};
}

// Names of rows on the front, as many as have room: a width of so many decades and a height of so many points.
function frontLabels(field) {
  const quantity = quantityOf.get(field), all = costs(field), taken = [];
  const decades = Math.log10(all.at(-1) / all[0]) || 1;
  const drawn = comparable.flatMap(place => [100 * rows[place].low, 100 * rows[place].high]);
  const span = Math.max(...drawn) - Math.min(...drawn) || 1;
  return [...data.fronts[field]].reverse().flatMap(place => {
    const x = Math.log10(numberOf(place, field) / quantity.scale), y = 100 * rows[place].high;
    if (taken.some(([a, b]) => Math.abs(a - x) < 0.2 * decades && Math.abs(b - y) < 0.06 * span)) return [];
    taken.push([x, y]);
    return [{x, y, text: plain(`${rows[place].conv} ${rows[place].method}`.slice(0, 40)), showarrow: false, yanchor: "bottom",
      yshift: 3, font: {size: 11}, bgcolor: style("--ground"), opacity: 0.85}];
  });
}

function drawPareto() {
  const field = $("pareto-x").value, quantity = quantityOf.get(field);
  const places = comparable.filter(place => numberOf(place, field) !== null);
  const back = places.filter(place => !isShown(rows[place])), front = places.filter(place => isShown(rows[place]));
  draw("pareto", [frontTrace(field), paretoTrace(field, [...back, ...front], symbols())], {
    xaxis: logAxis(places.map(place => numberOf(place, field) / quantity.scale), `${quantity.title} (${quantity.unit}), log scale`),
    yaxis: {title: {text: plain(data.score.heading)}}, annotations: frontLabels(field), height: 460});
  $("pareto-none").hidden = front.length > 0;
  const of = MEANINGS[symbolMeaning()][1], values = distinct(rows.map(of));
  $("pareto-symbols").textContent = values.length > 1 && values.length <= SYMBOLS.length
    ? `Marker: ${values.map((value, i) => `${"●■▲◆▼✚⬢★"[i]} ${value}`).join(",  ")}` : "";
}
choices("pareto-x", data.quantities.map(each => [each.field, each.title]), "macs");
$("pareto-x").addEventListener("change", drawPareto);
picture("pareto", drawPareto, 460);
