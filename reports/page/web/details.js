// A row opened: its cells with seeds, scores, machines, settings and failures, its curve, the papers' numbers.
const dialog = $("details");

function cellTable(place) {
  const own = data.cells.filter(cell => cell.row === place);
  const head = ["Seed", data.score.heading, "Best epoch on test (optimistic) %", "Training (s)", "State", "Settings", "Trained on", "Cell"];
  const line = cell => [String(cell.seed), percent(cell.score), percent(cell.best), digits(cell.train_s),
    [cell.state, cell.error, cell.warnings].filter(Boolean).join(": "), cell.settings || "defaults", data.machines[cell.machine], cell.key];
  return element("div", {class: "scroll", tabindex: "0", role: "region", "aria-label": "Cells"}, element("table", {class: "plain"},
    element("thead", {}, element("tr", {}, ...head.map(text => element("th", {scope: "col"}, text)))),
    element("tbody", {}, ...own.map(cell => element("tr", {}, ...line(cell).map(text => element("td", {}, text)))))));
}

function facts(place) {
  const row = rows[place];
  const more = [[`95 % interval of ${data.score.text}, %`, interval(row)], ["Teacher", row.teacher],
    ["To train it again (with --registry, if its sweep is none of the suite's own)", row.again && element("code", {}, row.again)]];
  const own = more.filter(([, text]) => text).flatMap(([name, text]) => [element("dt", {}, name), element("dd", {}, text)]);
  return element("dl", {}, ...own, ...data.columns.flatMap((column, i) => row.texts[i] === "-" ? []
    : [element("dt", {}, column.title), element("dd", {title: row.tips[i]}, row.texts[i])]));
}

function openRow(place) {
  const row = rows[place], curve = element("div", {id: "details-curve", class: "picture"});
  const papers = row.papers.map(paper => element("li", {}, `${percent(paper.score)} %: ${paper.protocol}`));
  const parts = (data.parts[place] ?? []).map(part => element("li", {}, `${part.name} (${part.role}): ${part.score}`));
  const list = (heading, items) => items.length ? [element("h3", {}, heading), element("ul", {}, ...items)] : [];
  $("details-title").textContent = title(row);
  $("details-body").replaceChildren(facts(place), ...list("Networks within", parts), element("h3", {}, "Cells"), cellTable(place), curve,
    ...list("Papers, by their own recipes", papers));
  if (!dialog.open) dialog.showModal();
  const seeds = data.cells.filter(cell => cell.row === place && cell.curve.length);
  curve.hidden = !seeds.length;
  if (seeds.length) draw("details-curve", seeds.map((cell, i) => ({type: "scatter", mode: "lines+markers", name: `seed ${cell.seed}`,
    x: cell.curve.map(([epoch]) => epoch), y: cell.curve.map(([, score]) => 100 * score), line: {color: palette()[i % COLOURS], width: 1.6},
    marker: {size: 4}})), {height: 260, showlegend: true, xaxis: {title: {text: "epoch"}}, yaxis: {title: {text: plain(data.score.heading)}}});
}

// Do what the address says: open a row, or show some rows in the table.
function follow() {
  const [, what, names] = location.hash.match(/^#(row|rows)=(.*)$/) ?? [];
  if (!what) return;
  const placeOf = name => { try { return byId.get(decodeURIComponent(name)); } catch { return undefined; } };  // of any address
  const places = names.split(",").map(placeOf).filter(place => place !== undefined);
  if (!places.length) return;
  if (what === "row") return openRow(places[0]);
  document.activeElement.blur();  // a filter of a column that is left later puts its text back
  table.clearHeaderFilter();
  table.setFilter(own => own.part || places.includes(own.place));
  $("table-search").value = "";  // it is this filter now
  $("table-part").scrollIntoView();
  $("table-search").focus({preventScroll: true});
}
addEventListener("hashchange", follow);
addEventListener("click", event => {  // the same address again changes nothing, and its rows are asked for again
  const asked = event.target.closest?.("a[href^='#row']");
  if (asked && asked.hash === location.hash) follow();
});
dialog.addEventListener("close", () => {
  if (location.hash.startsWith("#row=")) history.replaceState(null, "", location.pathname + location.search);
});
