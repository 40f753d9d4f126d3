// The table, by Tabulator: sort, filter, group, choose columns, copy; students and ensembles folded under their row.
const GROUPS = [["", "nothing"], ["network", "network"], ["method", "method"], ["kind", "kind of training"]];
const isUsual = column => column.usual && !(column.title === "Architecture" && distinct(rows.map(row => row.architecture)).length === 1);
const extra = ["latency_ms", "train_s_with_teacher"];  // of what is shown at first, besides what a terminal shows
const known = i => rows.filter(row => row.texts[i] !== "-").length;
// Of several such columns the one that most rows have.
const firstOf = name => data.columns.map((column, i) => [column, known(i)]).filter(([column]) => column.value.startsWith(name))
  .sort(([, a], [, b]) => b - a)[0]?.[0].field;
const usual = new Set([...data.columns.filter(isUsual).map(column => column.field), ...extra.map(firstOf)]);

function record(row, place) {
  const own = {place, network: networkOf(row), method: row.method, kind: row.kind};
  data.columns.forEach((column, i) => { own[column.field] = column.number && row.keys[i] !== "" ? Number(row.keys[i]) : row.keys[i]; });
  // Ranks are intervals, so they are sorted by what they are of; above all what they are compared with.
  if (row.rank !== null) own[data.columns[0].field] = 1 - row.mean;
  if (row.texts[0] === "ref") own[data.columns[0].field] = -row.mean;
  const parts = data.parts[place];
  if (parts) own._children = parts.map(part => ({part}));
  return own;
}

// A row's text; of a folded part its name and score; a link to the row where the method stands.
function formatted(column, i) {
  return cell => {
    const {place, part} = cell.getRow().getData();
    if (part) {
      const texts = {Method: `${part.name}${part.role === "ensemble" ? " (not deployed)" : ""}`, [data.score.heading]: part.score};
      return document.createTextNode(texts[column.title] ?? "");
    }
    const row = rows[place];
    cell.getElement().classList.toggle("strong", column.strong && row.best);
    cell.getElement().classList.toggle("incomplete", !row.comparable);
    if (row.tips[i]) cell.getElement().title = row.tips[i];
    return column.title === "Method" ? rowLink(place, row.texts[i]) : document.createTextNode(row.texts[i]);
  };
}

// Empty ones last, whichever way.
function sorted(number) {
  return (a, b, _rowA, _rowB, _column, direction) => {
    const last = direction === "asc" ? 1 : -1;
    if (a === "" || a === undefined || b === "" || b === undefined) return last * ((a === "" || a === undefined) - (b === "" || b === undefined));
    return number ? a - b : String(a).localeCompare(String(b), "en", {numeric: true});
  };
}

const table = new Tabulator("#results", {
  data: rows.map(record), dataTree: Object.keys(data.parts).length > 0, dataTreeElementColumn: data.columns.find(c => c.title === "Method").field,
  layout: "fitData", placeholder: "No row matches.", initialSort: [{column: data.columns[0].field, dir: "asc"}], maxHeight: "80vh", printAsHtml: true, printRowRange: "all", groupStartOpen: true, columnDefaults: {headerSortTristate: true},
  columns: data.columns.map((column, i) => ({
    title: column.title, field: column.field, visible: usual.has(column.field), headerTooltip: column.hint || false,
    hozAlign: column.number ? "right" : "left", sorter: sorted(column.number), formatter: formatted(column, i),
    formatterPrint: formatted(column, i), frozen: i < 4 && innerWidth > 700, headerWordWrap: true,
    maxWidth: column.number ? 150 : 200, headerFilter: column.number ? false : "input", headerFilterPlaceholder: "filter",
    titleFormatter: () => element("button", {type: "button", class: "heading"}, column.title),
  })),
});

// Whether a word of a row's texts begins so: `at` is not in `scratch`.
const begins = (row, word) => row.texts.some(text => {
  const from = text.toLowerCase();
  for (let i = from.indexOf(word); i >= 0; i = from.indexOf(word, i + 1)) if (i === 0 || !/[\p{L}\p{N}]/u.test(from[i - 1])) return true;
  return false;
});

// Places of the rows that the filters leave, in the order of the table.
const shownPlaces = () => table.getRows("active").map(row => row.getData().place).filter(Number.isInteger);

function shownText(separator, quoted, textOf = (row, i) => row.texts[i]) {
  const columns = data.columns.map((column, i) => [column, i]).filter(([column]) => table.getColumn(column.field).isVisible());
  const lines = [columns.map(([column]) => column.title), ...shownPlaces().map(place => columns.map(([, i]) => textOf(rows[place], i)))];
  return lines.map(line => line.map(quoted).join(separator)).join("\n") + "\n";
}
// A text that a spreadsheet would compute is kept from it by an apostrophe.
const guarded = text => /^[=+\-@\t\r]/.test(text) && !/^-?[\d.,]*$/.test(text) ? `'${text}` : text;
const inCsv = text => `"${guarded(text).replaceAll('"', '""')}"`;

// The rows of the address are not those that are shown any more.
function leaveRows() {
  if (location.hash.startsWith("#rows=")) history.replaceState(null, "", location.pathname + location.search);
}

table.on("tableBuilt", () => {
  document.querySelector(".tabulator-tableholder").removeAttribute("tabindex");  // its links scroll it, and a grid has rows alone
  $("choose-columns").replaceChildren(...data.columns.map(column => {
    const box = element("input", {type: "checkbox", checked: usual.has(column.field), change: () => {
      if (box.checked) table.showColumn(column.field); else table.hideColumn(column.field);
    }});
    return element("label", {}, box, ` ${column.title}`);
  }));
  $("table-search").addEventListener("input", () => {
    const words = $("table-search").value.toLowerCase().split(/\s+/).filter(Boolean);
    table.setFilter(own => own.part || words.every(word => begins(rows[own.place], word)));
    leaveRows();
  });
  $("table-group").addEventListener("change", () => table.setGroupBy($("table-group").value || false));
  $("table-copy").addEventListener("click", () => navigator.clipboard.writeText(shownText("\t", text => text.replace(/[\t\n]/g, " ")))
    .then(() => { $("table-told").textContent = "copied"; }, () => { $("table-told").textContent = "this browser does not let a file copy"; }));
  $("table-csv").addEventListener("click", () => {
    const url = URL.createObjectURL(new Blob([shownText(",", inCsv, (row, i) => data.columns[i].number ? row.keys[i] : row.texts[i])], {type: "text/csv"}));
    element("a", {href: url, download: `${data.sweep}.csv`}).click();
    URL.revokeObjectURL(url);
  });
  $("table-all").addEventListener("click", () => {
    table.clearFilter(true);
    $("table-search").value = "";
    leaveRows();
  });
  const tellShown = () => {
    $("table-shown").textContent = `${shownPlaces().length} of ${rows.length} rows`;
    if (networksWithCurves.length && $("curves-of").value === SHOWN) drawCurves();
  };
  table.on("dataFiltered", () => setTimeout(tellShown));
  tellShown();
  follow();
});
choices("table-group", GROUPS, "");
