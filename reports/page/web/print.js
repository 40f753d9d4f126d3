// On paper, A4 across: pictures as wide as it is, and nothing folded.
const PAPER = 1000, folded = () => [...document.querySelectorAll("main details")];
const pictures = () => [...document.querySelectorAll("main .js-plotly-plot")];
let unfolded = [];
addEventListener("beforeprint", () => {
  [...pending.keys()].forEach(drawPending);
  unfolded = folded().filter(each => !each.open && !each.classList.contains("columns"));
  unfolded.forEach(each => { each.open = true; });
  pictures().forEach(each => Plotly.relayout(each, {width: PAPER}));
});
addEventListener("afterprint", () => {
  unfolded.forEach(each => { each.open = false; });
  pictures().forEach(each => Plotly.relayout(each, {width: null, autosize: true}));
});
