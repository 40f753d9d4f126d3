// What a cheap conv costs and what the best method wins back: standard, cheap and trained alone, cheap and distilled.
function attribution() {
  const trained = comparable.filter(place => !rows[place].deployed);
  const networks = distinct(trained.map(place => networkOf(rows[place])));
  const most = places => places.reduce((a, b) => a === undefined || rows[b].mean > rows[a].mean ? b : a, undefined);
  return networks.flatMap(name => {
    const own = trained.filter(place => networkOf(rows[place]) === name);
    const architecture = rows[own[0]].architecture;
    const standards = trained.filter(place => rows[place].reference && data.alone.includes(place));
    const standard = standards.find(place => rows[place].architecture === architecture) ?? standards[0];
    if (own.includes(standard)) return [];
    const alone = own.find(place => data.alone.includes(place)), recipe = rows[alone]?.recipe;
    const best = most(own.filter(place => !rows[place].baseline && rows[place].recipe === recipe));
    return alone === undefined ? [] : [{name, standard, alone, best}];
  });
}

function drawAttribution() {
  const found = attribution(), colours = palette();
  if (!found.length) return;
  const kinds = [["alone", "alone", style("--faint"), "circle"], ["best", "by its best method", colours[1], "diamond"],
    ["standard", "standard conv, alone", style("--ink"), "line-ns-open"]];
  const traces = kinds.map(([key, text, colour, symbol]) => {
    const own = found.filter(each => each[key] !== undefined);
    const places = own.map(each => each[key]);
    return {type: "scatter", mode: "markers", name: text, customdata: places, x: places.map(place => 100 * rows[place].mean),
      y: own.map(each => plain(each.name)), text: places.map(place => hover(rows[place])), hovertemplate: "%{text}<extra></extra>",
      error_x: {type: "data", symmetric: false, array: places.map(place => 100 * (rows[place].high - rows[place].mean)),
        arrayminus: places.map(place => 100 * (rows[place].mean - rows[place].low)), color: colour, thickness: 1, width: 0},
      marker: {color: colour, symbol, size: key === "standard" ? 16 : 10, line: {width: 2, color: colour}}};
  });
  draw("attribution", traces, {height: 90 + 30 * found.length, showlegend: true, legend: {orientation: "h", y: 1, yanchor: "bottom"},
    margin: {l: 56, r: 16, t: 40, b: 48}, yaxis: {autorange: "reversed", type: "category"},
    xaxis: {title: {text: plain(data.score.heading)}}});
}
$("attribution-none").hidden = attribution().length > 0;
picture("attribution", drawAttribution, attribution().length ? 90 + 30 * attribution().length : 0);
