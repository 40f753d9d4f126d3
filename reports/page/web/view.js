// The view is in the address, so that it can be sent to somebody and outlives a reload: `?pareto-x=params&table-group=network`.
// Only what was changed is named: controls by their id; of the table its order, filters of columns and columns, these by
// their headings, since a column's number is another one when a running sweep has more of them; chosen chips.
const controls = [...document.querySelectorAll("main select, main input:is([type=number], [type=search])")];
const heading = field => data.columns.find(column => column.field === field).title;
const parts = {
  sort: () => table.getSorters().map(({field, dir}) => [heading(field), dir]),
  filter: () => table.getHeaderFilters().map(({field, value}) => [heading(field), value]),
  columns: () => data.columns.filter(column => table.getColumn(column.field).isVisible()).map(column => column.title),
  chosen: () => meaning.chosen,
};
// What the page shows by itself, before anybody has asked it for something else.
const first = new Map(controls.map(control => [control.id, control.value]));

const nowOf = () => new Map([...controls.map(control => [control.id, control.value]),
  ...Object.entries(parts).map(([name, of]) => [name, JSON.stringify(of())])]);

function remember() {
  const address = new URLSearchParams(location.search), now = nowOf();  // with what others have put there
  const changed = name => now.get(name) !== first.get(name);
  for (const [name, value] of now) {  // a budget is nothing without its quantity
    if (changed(name) || (name === "budget-value" && changed("budget-quantity"))) address.set(name, value); else address.delete(name);
  }
  const query = address.size ? `?${address}` : "";
  if (query !== location.search) history.replaceState(null, "", location.pathname + query + location.hash);
}

// Whatever an address says: what there is not is passed over.
function listed(text) {
  try { return [].concat(JSON.parse(text)); } catch { return []; }
}
const pairs = text => listed(text).filter(Array.isArray)
  .map(([title, value]) => [data.columns.find(column => column.title === title), value]).filter(([column]) => column);
const restored = {
  sort: text => {
    const order = pairs(text).filter(([, dir]) => ["asc", "desc"].includes(dir)).map(([{field}, dir]) => ({column: field, dir}));
    if (order.length) table.setSort(order);
    else if (text === "[]") table.clearSort();
  },
  filter: text => pairs(text).filter(([column]) => !column.number)
    .forEach(([{field}, value]) => table.setHeaderFilterValue(field, String(value))),
  columns: text => {
    const wanted = listed(text).filter(title => data.columns.some(column => column.title === title));
    const boxes = wanted.length ? document.querySelectorAll("#choose-columns input") : [];
    boxes.forEach((box, i) => { if (box.checked !== wanted.includes(data.columns[i].title)) box.click(); });
  },
  chosen: text => {
    meaning.chosen = listed(text).filter(value => meaning.values.includes(value));
    drawChips();
    redrawn.forEach(again => again());
  },
};
const canHave = (control, value) => control.matches("select") ? [...control.options].some(option => option.value === value)
  : control.type !== "number" || Number.isFinite(Number(value));

function restore() {
  const asked = new URLSearchParams(location.search);
  for (const control of controls.filter(each => asked.has(each.id))) {  // in the page's order: a budget's quantity before its number
    const value = asked.get(control.id);
    if (!canHave(control, value)) continue;
    control.value = value;
    control.dispatchEvent(new Event(control.matches("select") ? "change" : "input", {bubbles: true}));
  }
  for (const [name, of] of Object.entries(restored)) if (asked.has(name)) of(asked.get(name));
}

table.on("tableBuilt", () => {
  Object.entries(parts).forEach(([name, of]) => first.set(name, JSON.stringify(of())));
  restore();
  for (const event of ["input", "change", "click"]) document.querySelector("main").addEventListener(event, () => setTimeout(remember));
  for (const event of ["dataSorted", "dataFiltered"]) table.on(event, () => setTimeout(remember));
  addEventListener("hashchange", remember);
});
