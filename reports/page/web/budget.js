// My budget: the best row under it, with its interval, and the rows that are not distinguishable from it.
const budgetField = $("budget-quantity"), budgetValue = $("budget-value"), budgetRange = $("budget-range");
const STEPS = 200;

// Numbers of a quantity among the rows that can be compared, in its unit, sorted.
function costs(field) {
  const quantity = quantityOf.get(field);
  return comparable.filter(place => numberOf(place, field) !== null && !inDoubt(place, field))
    .map(place => numberOf(place, field) / quantity.scale).sort((a, b) => a - b);
}

// As it is shown: whoever types the cost of a row gets that row.
function meets(quantity, value, limit) {
  const shown = Number(digits(value).replaceAll(",", ""));
  return quantity.more_is_better ? Math.max(value, shown) >= limit : Math.min(value, shown) <= limit;
}

// Place of the most accurate row within the limit, and of those that do not differ from it and are within it too.
function bestWithin(field, limit) {
  const quantity = quantityOf.get(field);
  const within = place => numberOf(place, field) !== null && !inDoubt(place, field)
    && meets(quantity, numberOf(place, field) / quantity.scale, limit);
  const best = data.fronts[field].filter(within).at(-1);
  return best === undefined ? null : {best, tied: data.tied[best].filter(within), count: comparable.filter(within).length};
}

function tellBudget() {
  const field = budgetField.value, quantity = quantityOf.get(field), limit = Number(budgetValue.value);
  const found = bestWithin(field, limit);
  const told = $("budget-answer");
  if (budgetValue.value === "" || !(limit > 0)) {
    told.replaceChildren("Enter a number above 0.");
    return;
  }
  if (!found) {
    const all = costs(field);
    const reach = all.length ? `: they have ${digits(all[0])} to ${digits(all.at(-1))} ${quantity.unit}` : "";
    told.replaceChildren(`No row that can be compared meets it${reach}.`);
    return;
  }
  const {best, tied, count} = found, row = rows[best];
  const facts = [`${percent(row.mean)} % (95 % interval ${interval(row)}, n=${row.n})`, amount(quantity, numberOf(best, field))];
  const first = element("p", {}, "Best: ", rowLink(best), `, ${facts.join(", ")}.`);
  if (!tied.length) {
    told.replaceChildren(first, element("p", {}, count === 1 ? "It is the only row within the budget."
      : `Each of the ${count - 1} other rows within the budget is significantly worse.`));
    return;
  }
  const shown = tied.slice(0, 12).flatMap((place, i) => [i ? ", " : "", rowLink(place), ` (${percent(rows[place].mean)} %, ${
    amount(quantity, numberOf(place, field))})`]);
  const more = tied.length > 12 ? [" and ", element("a", {href: linkAll([best, ...tied])}, `${tied.length - 12} more`)] : [];
  told.replaceChildren(first, element("p", {}, "Not distinguishable from it: ", ...shown, ...more, "."));
}

// The slider is even in the logarithm of the cost.
function setUpBudget() {
  const all = costs(budgetField.value), low = all[0], high = all.at(-1), last = all.length > 0;
  $("budget-unit").textContent = quantityOf.get(budgetField.value).unit;
  $("budget-word").textContent = quantityOf.get(budgetField.value).more_is_better ? "at least" : "at most";
  budgetRange.disabled = budgetValue.disabled = !last;
  const at = step => low * (high / low) ** (step / STEPS);
  budgetRange.oninput = () => { budgetValue.value = digits(at(Number(budgetRange.value))).replaceAll(",", ""); tellBudget(); };
  budgetValue.oninput = () => {
    const share = Math.log(Number(budgetValue.value) / low) / Math.log(high / low || 2);
    budgetRange.value = String(Math.round(Math.min(1, Math.max(0, share || 0)) * STEPS));
    tellBudget();
  };
  budgetRange.value = String(STEPS / 2);
  if (last) budgetRange.oninput(); else tellBudget();
}
choices("budget-quantity", data.quantities.map(each => [each.field, each.title]), "macs");
budgetField.addEventListener("change", setUpBudget);
setUpBudget();
