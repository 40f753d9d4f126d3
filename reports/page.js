const table = document.getElementById("results"), headings = [...table.tHead.rows[0].cells];
const number = headings.map(h => h.classList.contains("number"));
headings.forEach((heading, i) => heading.firstChild.addEventListener("click", () => {
  const up = heading.getAttribute("aria-sort") !== "ascending", sign = up ? 1 : -1;
  headings.forEach(h => h.removeAttribute("aria-sort"));
  heading.setAttribute("aria-sort", up ? "ascending" : "descending");
  const key = row => row.cells[i].dataset.key;
  const order = (a, b) => key(a) === "" || key(b) === "" ? (key(a) === "") - (key(b) === "")
    : sign * (number[i] ? key(a) - key(b) : key(a).localeCompare(key(b), "en", {numeric: true}));
  table.classList.add("sorted");
  table.tBodies[0].append(...[...table.tBodies[0].rows].sort(order));
}));
const buttons = [...document.querySelectorAll("[data-method]")];
buttons.forEach(button => button.addEventListener("click", () => {
  button.setAttribute("aria-pressed", button.getAttribute("aria-pressed") !== "true");
  const chosen = buttons.filter(b => b.getAttribute("aria-pressed") === "true").map(b => b.dataset.method);
  document.querySelectorAll("[data-of]").forEach(shape =>
    shape.classList.toggle("dimmed", chosen.length > 0 && !chosen.includes(shape.dataset.of)));
}));
