// Convs by methods as a heat map: a table whose cells are shaded by score, gap recovered or rank, each a link to its row.
// Of more than WIDEST methods, and fewer convs, the methods are its rows, so that it grows down the page and not out of it.
const WIDEST = 12;
const METRICS = {
  score: {text: data.score.heading, of: row => row.mean, shown: row => percent(row.mean), up: true},
  gap: {text: "Gap recovered, %", of: row => row.gap[0], shown: row => row.gap[0] === null ? "-" : percent(row.gap[0], 0), up: true},
  rank: {text: "Rank", of: row => row.rank === null ? null : (row.rank + row.rank_to) / 2, up: false,
    shown: row => row.rank === null ? (row.reference ? "ref" : "-") : distinct([row.rank, row.rank_to]).join("-")},
};

function matrixOf(architecture, metric) {
  const own = rows.map((row, place) => place).filter(place => rows[place].architecture === architecture);
  const convs = distinct(own.map(place => rows[place].conv)), methods = distinct(own.map(place => rows[place].method));
  const values = own.filter(place => rows[place].comparable).map(place => metric.of(rows[place])).filter(value => value !== null);
  const low = Math.min(...values), high = Math.max(...values);
  const cell = (conv, method) => {
    const place = own.find(each => rows[each].conv === conv && rows[each].method === method);
    if (place === undefined) return element("td", {class: "none"});
    const row = rows[place], value = metric.of(row);
    const share = value === null || high === low ? 0 : (metric.up ? value - low : high - value) / (high - low);
    const shade = row.comparable && value !== null ? `background:color-mix(in srgb, var(--heat) ${Math.round(8 + 42 * share)}%, var(--ground))` : "";
    const label = element("a", {href: link(place), title: `${title(row)}: ${percent(row.mean)} % (${interval(row)})`}, metric.shown(row));
    return element("td", {style: shade, class: `${row.best && metric.up ? "strong" : ""}${row.comparable ? "" : " incomplete"}`}, label);
  };
  const turned = methods.length > Math.max(convs.length, WIDEST);
  const [across, down] = turned ? [convs, methods] : [methods, convs];
  return element("table", {class: "matrix"},
    element("caption", {}, `${architecture}: ${metric.text}`),
    element("thead", {}, element("tr", {}, element("td"), ...across.map(name => element("th", {scope: "col"}, name)))),
    element("tbody", {}, ...down.map(name => element("tr", {}, element("th", {scope: "row"}, name),
      ...across.map(other => turned ? cell(other, name) : cell(name, other))))));
}
function drawMatrix() {
  const metric = METRICS[$("matrix-metric").value];
  $("matrix").replaceChildren(...distinct(rows.map(row => row.architecture)).map(each => matrixOf(each, metric)));
}
choices("matrix-metric", Object.entries(METRICS).filter(([, metric]) => rows.some(row => metric.of(row) !== null))
  .map(([name, metric]) => [name, metric.text]), "score");
$("matrix-metric").addEventListener("change", drawMatrix);
drawMatrix();
