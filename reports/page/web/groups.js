// Who has which colour: one meaning at a time, at most COLOURS of them; the rest are told apart by choosing.
const MEANINGS = {
  method: ["method", row => row.method],
  kind: ["kind of training", row => row.kind],
  conv: ["conv", row => row.conv],
  architecture: ["architecture", row => row.architecture],
};
const meaning = {name: "", of: null, values: [], chosen: []};

function setMeaning(name) {
  const values = name === "kind" ? data.kinds : distinct(rows.map(MEANINGS[name][1]));
  Object.assign(meaning, {name, of: MEANINGS[name][1], values, chosen: []});
  drawChips();
}

// The colour of a row: its value's own where there are few, that of its place among the chosen where there are many.
function colourOf(row) {
  const colours = palette(), {values, chosen, of} = meaning, place = values.indexOf(of(row));
  if (values.length <= COLOURS) return colours[place];
  const among = chosen.indexOf(of(row));
  return among < 0 ? style("--rest") : colours[1 + among % (COLOURS - 1)];
}
const isShown = row => !meaning.chosen.length || meaning.chosen.includes(meaning.of(row));

// A colour that a method has in every picture, as long as there are few.
const methodsOfRows = distinct(rows.map(row => row.method));
const methodColour = (row, otherwise) => methodsOfRows.length <= COLOURS ? palette()[methodsOfRows.indexOf(row.method)] : otherwise;

function drawChips() {
  const {values, chosen} = meaning;
  $("chips").replaceChildren(...values.map(value => {
    const sample = rows.find(row => meaning.of(row) === value);
    const press = () => {
      meaning.chosen = chosen.includes(value) ? chosen.filter(other => other !== value) : [...chosen, value];
      drawChips();
      redrawn.forEach(again => again());
      [...$("chips").querySelectorAll("button")].find(button => button.dataset.value === value)?.focus();
    };
    const swatch = element("span", {class: "swatch", style: `background:${colourOf(sample)}`, "aria-hidden": "true"});
    return element("li", {}, element("button", {type: "button", "aria-pressed": String(chosen.includes(value)),
      "data-value": value, click: press}, swatch, value));
  }));
  $("chips-note").textContent = values.length > COLOURS
    ? `${values.length} are more than a reader tells apart by colour: choose up to ${COLOURS - 1}, or colour by another thing.`
    : "Choose some to set the others back.";
}
choices("meaning", Object.entries(MEANINGS).filter(([, [, of]]) => distinct(rows.map(of)).length > 1)
  .map(([name, [text]]) => [name, text]), "");
$("meaning").addEventListener("change", () => { setMeaning($("meaning").value); redrawn.forEach(again => again()); });
const few = ["method", "kind", "conv", "architecture"].find(name => {
  const count = distinct(rows.map(MEANINGS[name][1])).length;
  return count > 1 && count <= COLOURS;
}) ?? "method";
if ([...$("meaning").options].some(option => option.value === few)) $("meaning").value = few;
setMeaning(few);
