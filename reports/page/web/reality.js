// Theory against reality: multiply-adds against latency, both as ratios to the standard conv.
function drawReality() {
  const found = data.reality.find(each => each.field === $("reality-of").value);
  const points = found.points.map(([place, x, y]) => ({place, x, y}));
  const low = Math.min(...points.flatMap(({x, y}) => [x, y])), high = Math.max(...points.flatMap(({x, y}) => [x, y]));
  const line = {type: "scatter", mode: "lines", hoverinfo: "skip", x: [low, high], y: [low, high],
    line: {color: style("--faint"), width: 1, dash: "dot"}};
  const even = {...line, x: [low, high], y: [1, 1], line: {...line.line, dash: "solid", color: style("--line")}};
  const slower = points.map(({x, y}) => y >= 1 && x < 1);
  $("reality").hidden = points.length < 3;  // a line is drawn through two by anybody
  if (points.length >= 3) draw("reality", [even, line, {type: "scatter", mode: "markers+text", customdata: points.map(({place}) => place),
    x: points.map(({x}) => x), y: points.map(({y}) => y), textposition: "top center", textfont: {size: 11},
    text: points.map(({place}) => plain(rows[place].conv.slice(0, 30))),
    hovertext: points.map(({place, x, y}) => `<b>${plain(networkOf(rows[place]))}</b><br>multiply-adds x ${
      x.toFixed(3)}<br>latency x ${y.toFixed(3)}`), hovertemplate: "%{hovertext}<extra></extra>",
    marker: {size: 9, color: slower.map(yes => yes ? palette()[2] : palette()[1])}}], {height: 420,
    xaxis: logAxis(points.map(({x}) => x), "multiply-adds, the standard conv's being 1"),
    yaxis: logAxis(points.map(({y}) => y), "latency, the standard conv's being 1")});
  const rho = found.rho === null ? "" : ` Spearman's rho over ${points.length} networks: ${found.rho.toFixed(2)}.`;
  $("reality-note").textContent = `On the dotted line every multiply-add that is saved is time saved.${rho}${points.length < 3 ? " Two networks are no picture: see the table." : ""}`;
}
if (data.reality.length) {
  choices("reality-of", data.reality.map(each => [each.field, each.title]), data.reality[0].field);
  $("reality-of").addEventListener("change", drawReality);
  picture("reality", drawReality, 420);
} else $("reality-part").hidden = true;
