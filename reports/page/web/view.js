// The view is in the address, so that it can be sent to somebody and outlives a reload: `?pareto-x=params&table-group=network`.
// Only what was changed is named: controls by their id; of the table its order, filters of columns and columns; chosen chips.
const controls = [...document.querySelectorAll("main select, main input:is([type=number], [type=search])")];
const parts = {
  sort: () => table.getSorters().map(({field, dir}) => [field, dir]),
  filter: () => table.getHeaderFilters().map(({field, value}) => [field, value]),
  columns: () => data.columns.map(column => column.field).filter(field => table.getColumn(field).isVisible()),
  chosen: () => meaning.chosen,
};
// What the page shows by itself, before anybody has asked it for something else.
const first = new Map(controls.map(control => [control.id, control.value]));

const nowOf = () => new Map([...controls.map(control => [control.id, control.value]),
  ...Object.entries(parts).map(([name, of]) => [name, JSON.stringify(of())])]);

function remember() {
  const named = new URLSearchParams([...nowOf()].filter(([name, value]) => value !== first.get(name)));
  const query = named.size ? `?${named}` : "";
  if (query !== location.search) history.replaceState(null, "", location.pathname + query + location.hash);
}

// Whatever an address says: what there is not is passed over.
function listed(text) {
  try { return [].concat(JSON.parse(text)); } catch { return []; }
}
const isColumn = field => data.columns.some(column => column.field === field);
const pairs = text => listed(text).filter(Array.isArray).filter(([field]) => isColumn(field));
const restored = {
  sort: text => {
    const order = pairs(text).filter(([, dir]) => ["asc", "desc"].includes(dir)).map(([column, dir]) => ({column, dir}));
    if (order.length) table.setSort(order);
  },
  filter: text => pairs(text).forEach(([field, value]) => table.setHeaderFilterValue(field, String(value))),
  columns: text => {
    const wanted = listed(text).filter(isColumn), boxes = document.querySelectorAll("#choose-columns input");
    if (wanted.length) boxes.forEach((box, i) => { if (box.checked !== wanted.includes(data.columns[i].field)) box.click(); });
  },
  chosen: text => listed(text).forEach(value => [...$("chips").querySelectorAll("button")].find(chip => chip.dataset.value === value)?.click()),
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
