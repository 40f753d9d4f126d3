"""docs/reproduction.md: what the committed results say to the papers' claims, and to what this suite asks itself."""

import functools
import itertools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

import pandas as pd

from cheapconv.docs.agreement import agreement
from cheapconv.docs.blocks import fill
from cheapconv.docs.gains import gains
from cheapconv.docs.machines import machines
from cheapconv.docs.price import price
from cheapconv.docs.rates import rates
from cheapconv.docs.readme import REPORTS, committed
from cheapconv.docs.surprises import surprises
from cheapconv.reports.answers.content import Content
from cheapconv.reports.answers.told import UNTESTED
from cheapconv.reports.claims import claims
from cheapconv.reports.claims.claims import Comparison, Outcome
from cheapconv.reports.formats.markdown import markdown

PAGE = Path(__file__).with_suffix(".md")
QUESTIONS = Path(__file__).with_suffix(".yaml")
MOST = 12  # comparisons that are shown
Answers: TypeAlias = Mapping[tuple[str, str], Outcome]  # by question and sweep


def sweeps() -> list[str]:
    """Those whose result files are committed."""
    return sorted(path.parents[2].name for path in REPORTS.glob("*/results/sweeps/*.json"))


def makers() -> Mapping[str, Callable[[], str]]:
    """What the page's blocks are made by."""
    found = [committed(name) for name in sweeps()]
    answers = functools.cache(lambda: answered(found))  # which take longest
    return {
        "done": lambda: done(found),
        "shared": lambda: shared(found),
        "verdicts": lambda: verdicts(found, answers()),
        "questions": lambda: questions(found, answers()),
        "price": lambda: price(found),
        "gains": lambda: gains(found),
        "rates": lambda: rates(found),
        "agreement": lambda: agreement(found),
        "machines": lambda: machines(found),
        "surprises": lambda: surprises(found),
        "selection": lambda: selection(found),
    }


def write(path: Path = PAGE) -> None:
    """Make the blocks anew."""
    fill(path, makers())


def done(found: list[Content]) -> str:
    """How much of each sweep there is; hours as each cell would have taken alone, and as they were spent on it, batches
    and teachers' passes shared."""
    head = ["sweep", "cells done", "of", "seeds of a row", "alone (h)", "spent (h)", "on", "commit"]
    lines = []
    for content in found:
        cells = content.cells[content.cells["deployed"] == ""]
        finished = cells[cells["state"] == "done"]
        seeds = sorted({int(n) for n in content.rows["n"]})
        numbers = f"{seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else str(seeds[0])
        own = [record.result for record in content.sweep.done if record.result and record.sharing == 1]
        shared = f", and {len(finished) - len(own)} cells on a shared GPU" if len(own) < len(finished) else ""
        alone, spent = (f"{sum(of) / 3600:.1f}" for of in ([r.train_s for r in own], [r.spent for r in own]))
        name = f"[{content.sweep.name}](../reports/{content.sweep.name}/table.md)"
        planned = len(cells) + content.sweep.unrecorded
        said = content.conditions
        lines.append([name, len(finished), planned, numbers, alone + shared, spent, said["Hardware"], said["Commit"]])
    return markdown(head, lines, right=head[1:6])


def shared(found: list[Content]) -> str:
    """Which sweeps have cells in common, and how many of those have one result: two columns of one training."""
    lines = []
    for one, other in itertools.combinations(found, 2):
        first, second = ({record.key: record for record in content.sweep.done} for content in (one, other))
        both = first.keys() & second.keys()
        same = sum(first[key].result == second[key].result for key in both)
        if both:
            lines.append(
                f"`{one.sweep.name}` and `{other.sweep.name}` have {len(both)} cells in common, {same} with one result"
            )
    return f"{'; '.join(lines) or 'No two of these sweeps have a cell in common'}."


def answered(found: list[Content]) -> Answers:
    """Of every question by every sweep."""
    asked = itertools.product(claims.load(QUESTIONS), found)
    return {(claim.id, one.sweep.name): claims.outcome(claim, one.rows, one.sweep) for claim, one in asked}


def verdicts(found: list[Content], answers: Answers) -> str:
    """A row a question and a column a sweep that answers any: in how many comparisons it is so, how sure."""
    asked = claims.load(QUESTIONS)
    told = {one.sweep.name: [_verdict(answers[claim.id, one.sweep.name]) for claim in asked] for one in found}
    told = {name: answers for name, answers in told.items() if any(answers)}
    lines = [[claim.claim, *answers] for claim, *answers in zip(asked, *told.values(), strict=True)]
    return markdown(["question", *told], lines)


def _verdict(outcome: Outcome) -> str:
    """`2 of 2, resolved in 1 (3 of 7 rows left out)`; nothing where there are no such rows."""
    compared, left = outcome.comparisons, outcome.left_out.partition(",")[0]
    if not compared:
        return left
    share = f"{sum(one.holds for one in compared)} of {len(compared)}"
    beside = f" ({left})" if left else ""
    if outcome.verdict == "not resolved":
        return f"{share}, single runs{beside}"
    if outcome.verdict == "not finished":
        return f"{share} so far{beside}"
    sure, against = (sum(one.resolved and one.holds is way for one in compared) for way in (True, False))
    parts = [share, *([f"resolved in {sure}"] if sure else []), *([f"**against in {against}**"] if against else [])]
    return ", ".join(parts if sure or against else [share, "none resolved"]) + beside


def questions(found: list[Content], answers: Answers) -> str:
    """Every question with the answer of each sweep that has rows for it."""
    return "\n\n".join(_answered(claim, found, answers) for claim in claims.load(QUESTIONS))


def _answered(claim: claims.Claim, found: list[Content], answers: Answers) -> str:
    """One of them."""
    parts = [f"**{claim.claim}** ({', '.join(filter(None, (claim.source, claim.where)))})"]
    for content in found:
        outcome = answers[claim.id, content.sweep.name]
        if outcome.verdict != UNTESTED or outcome.left_out:
            parts.append("\n".join(_said(content.sweep.name, outcome)))
    if len(parts) == 1:
        parts.append("- Not tested: no sweep has such rows, complete and with costs that are not in doubt.")
    return "\n\n".join([parts[0], "\n".join(parts[1:])])


def _said(sweep: str, outcome: Outcome) -> Iterator[str]:
    """The verdict of a sweep and the comparisons that it rests on, the largest difference first."""
    text = outcome.text if outcome.text.startswith(outcome.verdict) else f"{outcome.verdict}: {outcome.text}"
    yield f"- {sweep}: {text}."
    compared = sorted(outcome.comparisons, key=lambda one: -one.points)
    shown = [*compared[: MOST // 2], *compared[-(MOST // 2) :]] if len(compared) > MOST else compared
    for one in shown:
        yield f"  - {_compared(one)}"
    if len(compared) > len(shown):
        yield f"  - ({len(compared) - len(shown)} more between the two halves of this list)"


def _compared(one: Comparison) -> str:
    """`+1.98 points (n = 3 and 3, p = 0.01): WRN-16-1 G(4) at, WRN-16-1 G(4) scratch`."""
    seeds = f"n = {one.seeds[0]} and {one.seeds[1]}"
    chance = "" if pd.isna(one.p) else f", p = {one.p:.2g}"
    part = f"; {one.part}" if one.part else ""
    return f"{one.points:+.2f} points ({seeds}{chance}{part}): {one.better}, beside {one.than}"


def selection(found: list[Content]) -> str:
    """What the choice of the best epoch on the test set is worth, in points, over the cells of each sweep. Of a network
    that is changed in training it would be another network's epoch: such cells are left out."""
    head = ["sweep", "cells", "epochs scored", "mean", "median", "most"]
    lines = []
    for content in found:
        cells = content.cells[(content.cells["deployed"] == "") & (content.cells["state"] == "done")]
        cells = cells[~cells["changed"].astype(bool)]
        gains = (100 * (cells["top1_best"] - cells["top1"])).dropna().astype(float)
        scored = sorted({_scored(record.cell.recipe) for record in content.sweep.done})
        epochs = f"{scored[0]} to {scored[-1]}" if len(scored) > 1 else str(scored[0])
        numbers = [f"{number:+.2f}" for number in (gains.mean(), gains.median(), gains.max())]
        lines.append([content.sweep.name, len(gains), epochs, *numbers])
    return markdown(head, lines, right=head[1:])


def _scored(recipe: Mapping[str, object]) -> int:
    """At how many epochs networks are scored."""
    epochs, every = int(str(recipe["epochs"])), int(str(recipe.get("evaluate_every") or 1))
    return -(-epochs // every)


if __name__ == "__main__":
    write()
