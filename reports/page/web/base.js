// What every other script uses: the data of the page, elements, colours of the theme, links to rows.
"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const rows = data.rows;
const byId = new Map(rows.map((row, place) => [row.id, place]));
const comparable = rows.map((row, place) => place).filter(place => rows[place].comparable && rows[place].mean !== null);
const quantityOf = new Map(data.quantities.map(quantity => [quantity.field, quantity]));
const $ = id => document.getElementById(id);

// An element with attributes (functions are listeners) and children (texts are text, whatever they hold).
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter(child => child !== null && child !== undefined));
  return made;
}

const distinct = values => [...new Set(values)];
const percent = (share, digits = 2) => share === null ? "-" : (100 * share).toFixed(digits);
// The one that most rows are of, the first of equals.
const mostOf = values => distinct(values).reduce((a, b) => values.filter(v => v === b).length > values.filter(v => v === a).length ? b : a);
const interval = row => row.low === null ? "" : `${percent(row.low)} to ${percent(row.high)}`;
const networkOf = row => `${row.architecture} ${row.conv}`;
const title = row => `${networkOf(row)} + ${row.method}`;
const link = place => `#row=${encodeURIComponent(rows[place].id)}`;
const linkAll = places => `#rows=${places.map(place => encodeURIComponent(rows[place].id)).join(",")}`;
const rowLink = (place, text) => element("a", {href: link(place)}, text ?? title(rows[place]));

// Three significant digits, thousands separated.
function digits(value) {
  if (value === null) return "-";
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString("en");
  return Number(value.toPrecision(3)).toString();
}
const amount = (quantity, value) => `${digits(value === null ? null : value / quantity.scale)} ${quantity.unit}`;
const numberOf = (place, field) => rows[place].numbers[field] ?? null;
const inDoubt = (place, field) => (data.doubts[field] ?? []).includes(place);

// Plotly reads markup in its texts; names are text.
const plain = text => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

const style = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const palette = () => ["--m0", "--m1", "--m2", "--m3", "--m4", "--m5", "--m6", "--m7"].map(style);
const COLOURS = 8;

// Pictures are drawn when a reader comes near them, and anew in the colours of another theme.
const redrawn = [], pending = new Map();
const near = new IntersectionObserver(seen => seen.forEach(each => { if (each.isIntersecting) drawPending(each.target.id); }),
  {rootMargin: "600px"});
function drawPending(id) {
  const drawn = pending.get(id);
  pending.delete(id);
  near.unobserve($(id));
  drawn?.();
}
function picture(id, drawn, height) {
  $(id).style.minHeight = `${height}px`;  // what is below stays where it is when the picture comes
  pending.set(id, drawn);
  near.observe($(id));
  redrawn.push(() => { if (!pending.has(id)) drawn(); });
}

// A logarithmic axis over some numbers, with a tick at every 1, 2 and 5, or at every power where that is too many.
function logAxis(values, text) {
  const low = Math.min(...values), high = Math.max(...values), decades = Math.log10(high / low) || 0;
  const margin = Math.max(0.06 * decades, 0.04), powers = [];
  for (let power = Math.floor(Math.log10(low)) - 1; power <= Math.ceil(Math.log10(high)); power++) powers.push(power);
  const steps = decades > 3 ? [1] : decades > 0.5 ? [1, 2, 5] : [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9];
  const tickvals = powers.flatMap(power => steps.map(step => Number(`${step}e${power}`)));
  return {type: "log", range: [Math.log10(low) - margin, Math.log10(high) + margin], tickvals,
    ticktext: tickvals.map(value => digits(value)), title: {text}};
}

// The layout that all pictures share.
function layout(more) {
  const axis = {gridcolor: style("--line"), linecolor: style("--faint"), zeroline: false, automargin: true,
    tickfont: {color: style("--faint")}, title: {font: {color: style("--faint")}}};
  const {xaxis = {}, yaxis = {}, ...rest} = more;
  const merged = own => ({...axis, ...own, title: {...axis.title, ...(own.title ?? {})}});
  return {paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", margin: {l: 56, r: 16, t: 12, b: 48},
    font: {family: "system-ui, Segoe UI, Roboto, sans-serif", size: 12, color: style("--ink")}, showlegend: false,
    hoverlabel: {align: "left", bgcolor: style("--panel"), bordercolor: style("--line"), font: {color: style("--ink")}},
    hovermode: "closest", xaxis: merged(xaxis), yaxis: merged(yaxis), ...rest};
}
const CONFIG = {displayModeBar: false, responsive: true};

// Draw into the element of an id; a click on a point of a row opens it.
function draw(id, traces, more) {
  const place = $(id);
  return Plotly.react(place, traces, layout(more), CONFIG).then(() => {
    place.removeAllListeners?.("plotly_click");
    place.on("plotly_click", event => {
      const found = event.points.find(point => Number.isInteger(point.customdata));
      if (found) location.hash = link(found.customdata);
    });
  });
}

function choices(id, options, chosen) {
  $(id).replaceChildren(...options.map(([value, text]) => element("option", {value, selected: value === chosen}, text)));
}

const hover = (row, ...lines) => [`<b>${plain(title(row))}</b>`,
  `${plain(data.score.text)} ${percent(row.mean)} % (95 %: ${interval(row)}), n=${row.n}`, ...lines].join("<br>");
