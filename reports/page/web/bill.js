// The bill of training: what each row costs alone, its own steps, begin and finish, and its teacher; and what its own
// training cost where it shared batches and teachers with others.
function drawBill() {
  const network = $("bill-of").value;
  const places = rows.map((row, place) => place).filter(place => !rows[place].deployed && rows[place].bill[2] !== null
    && networkOf(rows[place]) === network).sort((a, b) => rows[a].bill[2] - rows[b].bill[2]);
  const y = places.map(place => plain(rows[place].method));
  const parts = [["steps", ([own, begin]) => own - (begin ?? 0), style("--heat")], ["begin and finish", ([, begin]) => begin ?? 0, style("--faint")],
    ["training of its teacher", ([own, , both]) => both - own, style("--rest")]];
  const shared = places.filter(place => rows[place].shared_s !== null);
  const marks = {type: "scatter", mode: "markers", name: "steps, begin and finish as they were shared", customdata: shared,
    x: shared.map(place => rows[place].shared_s), y: shared.map(place => plain(rows[place].method)),
    marker: {symbol: "line-ns-open", size: 16, line: {width: 3}, color: style("--ink")},
    hovertemplate: "%{y}<br>as shared: %{x:.3s} s<extra></extra>"};
  draw("bill", [...parts.map(([name, of, colour]) => ({type: "bar", orientation: "h", name, customdata: places, y,
    x: places.map(place => of(rows[place].bill)), marker: {color: colour},
    hovertemplate: `%{y}<br>${name}: %{x:.3s} s<extra></extra>`})), ...(shared.length ? [marks] : [])], {barmode: "stack", height: 110 + 26 * places.length, showlegend: true,
    legend: {orientation: "h", y: 1, yanchor: "bottom", traceorder: "normal"}, margin: {l: 56, r: 16, t: 40, b: 48},
    yaxis: {type: "category", autorange: "reversed"}, xaxis: {title: {text: "seconds alone, mean over seeds"}}});
}
const billed = rows.filter(row => row.bill[2] !== null).map(networkOf);
if (!billed.length) for (const part of ["#bill-part", "a[href='#bill-part']"]) document.querySelector(part).hidden = true;
if (billed.length) choices("bill-of", distinct(billed).map(text => [text, text]), mostOf(billed));
$("bill-of").addEventListener("change", drawBill);
picture("bill", drawBill, 110 + 26 * rows.filter(row => networkOf(row) === $("bill-of").value && !row.deployed).length);
