"""A comparison in words: a few sentences for a terminal, and a page in Markdown.

The conditions come first: where suite, data, protocol or recipe are others, no difference is like for like.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import get_args

import pandas as pd

from cheapconv.catalog.errors import plural
from cheapconv.reports.comparing.comparison import Comparison
from cheapconv.reports.comparing.matched import Matched, OtherBits, Verdict
from cheapconv.reports.comparing.retimed import Retimed
from cheapconv.reports.formats import escape
from cheapconv.reports.formats.markdown import markdown as pipes
from cheapconv.reports.rows.columns import percent, significant, with_spread

MOST_SAID = 5  # of each kind, in a terminal
VERDICTS, TIMINGS = {"noise": "not resolved"}, {"noise": "within noise"}
HOW = (
    "Differences are after minus before in points, each with its own 95 % interval. One is called better or worse "
    "where its p, corrected by Holm for all rows that were tested, is at most 0.05; p is over seeds and test "
    "images together, image by image, where the mistakes of several seeds of both are known, else the larger one of "
    "Welch's test over the seeds and of the test set's own error. All others are not resolved: they may "
    "differ by as much as their intervals say."
)
SINGLE = (
    "A row with n=1 on either side has no spread over seeds: that of its sweep's other rows, pooled, stands in for it, "
    "or where these have none either the test set's error alone decides, and seeds differ on top of that."
)
BITS = "A cell's key stands for everything that can change its result, so equal keys should mean equal scores."
TIMES = (
    "Under one condition, where neither timing is in doubt. A change counts where the quartiles are apart and where it "
    "is more than that of the machine's own calibration."
)
ELSEWHERE = "Seconds of other hardware, marked so, are not comparable."


def sentences(comparison: Comparison) -> list[str]:
    """What a terminal says."""
    return [like_for_like(comparison), counted(comparison), *moved(comparison), *costs(comparison)]


def like_for_like(comparison: Comparison) -> str:
    """Whether the numbers are."""
    if comparison.unlike:
        return f"The numbers are not like for like: {', '.join(comparison.unlike)} changed."
    return "Suite, data, protocol and recipe are those of before."


def counted(comparison: Comparison) -> str:
    """`Rows in both: 4 (1 better, 3 not resolved); 0 only before, 1 only after.`"""
    counts = Counter(row.verdict for row in comparison.rows)
    told = ", ".join(f"{counts[word]} {VERDICTS.get(word, word)}" for word in get_args(Verdict) if counts[word])
    only = f"{len(comparison.only_before)} only before, {len(comparison.only_after)} only after"
    return f"Rows in both: {len(comparison.rows)}{told and f' ({told})'}; {only}."


def moved(comparison: Comparison) -> Iterator[str]:
    """Rows that are better or worse, the most first, and cells of other bits."""
    for word in ("better", "worse"):
        rows = [row for row in comparison.rows if row.verdict == word]
        rows.sort(key=lambda row: -abs(row.shift.mean))
        yield from first(
            f"{row.id} is {word}: {difference_text(row)} points, p (Holm) {row.shift.p_holm:.2g}" for row in rows
        )
    yield from first(f"Other bits of cell {bits_text(each)}" for each in comparison.other_bits)


def costs(comparison: Comparison) -> Iterator[str]:
    """How many sizes and latencies changed."""
    if sizes := sum(bool(size_changes(row)) for row in comparison.rows):
        yield f"Params or MACs changed in {plural(sizes, 'row')}."
    times = Counter(timing.verdict for timing in comparison.timings)
    if told := ", ".join(f"{times[word]} {word}" for word in ("faster", "slower") if times[word]):
        yield f"Latencies: {told}, of {times.total()} that can be compared."


def first(texts: Iterable[str]) -> Iterator[str]:
    """The first ones as sentences, and how many more there are."""
    every = [*texts]
    yield from (f"{text}." for text in every[:MOST_SAID])
    if len(every) > MOST_SAID:
        yield f"And {len(every) - MOST_SAID} more."


def markdown(comparison: Comparison) -> str:
    """The whole comparison as GitHub renders it."""
    return "\n\n".join(section for section in sections(comparison) if section) + "\n"


def sections(comparison: Comparison) -> Iterator[str]:
    """Its paragraphs and tables; an empty one has nothing to say."""
    rows, heading = comparison.rows, comparison.score.heading
    yield f"# {escape.markdown(comparison.before)} (before) and {escape.markdown(comparison.after)} (after)"
    yield "## Conditions"
    yield escape.markdown(like_for_like(comparison))
    yield table(["Condition", "Before", "After"], [(each.name, each.before, each.after) for each in comparison.changes])
    yield "## Rows"
    yield listed([counted(comparison), *moved(comparison)])
    yield table(
        ["Row", f"{heading} before", f"{heading} after", "n", "Difference (95 %)", "p", "p (Holm)", "Verdict", "Cells"],
        [row_texts(row) for row in rows],
    )
    tested = [row for row in rows if row.is_tested]
    single = any(min(row.before["n"], row.after["n"]) == 1 for row in tested)
    yield listed([*([HOW] if tested else []), *([SINGLE] if single else [])])
    yield from alone("Only before", comparison.only_before, heading)
    yield from alone("Only after", comparison.only_after, heading)
    yield from part("Other bits", BITS, listed(bits_text(each) for each in comparison.other_bits))
    sizes = [(row.id, *texts) for row in rows for texts in size_changes(row)]
    yield from part("Sizes", "", table(["Row", "Of", "Before", "After"], sizes))
    times = [timing_texts(each) for each in comparison.timings if each.verdict != "same"]
    head = ["Row", "Before (ms)", "After (ms)", "Ratio", "Verdict", "Measured on"]
    yield from part("Latency", TIMES, table(head, times))
    trained = [training_texts(row) for row in rows if row.before["train_s"] > 0 and row.after["train_s"] > 0]
    yield from part("Training", ELSEWHERE, table(["Row", "Before (s)", "After (s)", "Ratio", "Hardware"], trained))


def part(title: str, note: str, body: str) -> Iterator[str]:
    """A section; nothing where it has no body."""
    if body:
        yield from (f"## {title}", escape.markdown(note), body)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """With the texts of the rows escaped; nothing where there is none."""
    return pipes(head, [[escape.markdown(text) for text in row] for row in rows]) if rows else ""


def listed(texts: Iterable[str]) -> str:
    """One point each."""
    return "\n".join(f"- {escape.markdown(text)}" for text in texts)


def alone(title: str, rows: pd.DataFrame, heading: str) -> Iterator[str]:
    """Rows of one side."""
    texts = [(str(row["id"]), score_text(row), f"{row['n']}") for _, row in rows.iterrows()]
    yield from part(title, "", table(["Row", heading, "n"], texts))


def row_texts(row: Matched) -> tuple[str, ...]:
    """Of the table of rows."""
    seeds = " to ".join(dict.fromkeys(f"{each['n']}" for each in (row.before, row.after)))
    p, p_holm = ("-" if pd.isna(p) else f"{p:.2g}" for p in (row.shift.p, row.shift.p_holm))
    said = row.doubt if row.verdict == "not compared" else ", ".join(row.differs)
    scores = score_text(row.before), score_text(row.after)
    return row.id, *scores, seeds, difference_text(row), p, p_holm, VERDICTS.get(row.verdict, row.verdict), said


def score_text(row: pd.Series) -> str:
    """Mean and spread in percent."""
    return with_spread(row["top1_mean"], row["top1_std"], row["n"])


def difference_text(row: Matched) -> str:
    """`+3.00 (1.20 to 4.80)` points; without an interval where it was not tested."""
    mean = row.after["top1_mean"] - row.before["top1_mean"]
    if pd.isna(mean):
        return "-"
    interval = "" if pd.isna(row.shift.low) else f" ({percent(row.shift.low)} to {percent(row.shift.high)})"
    return f"{100 * mean:+.2f}{interval}"


def bits_text(bits: OtherBits) -> str:
    """`k (row, seed 0): 90.00 on A, 90.10 on B`; as deployed, by what it was trained on."""
    ends = [f"{100 * end.scores['top1']:.10g} % on {end.record.trained_on}" for end in (bits.before, bits.after)]
    return f"{bits.key} ({bits.row}, seed {bits.after.record.cell.seed}): {ends[0]}, then {ends[1]}"


def size_changes(row: Matched) -> list[tuple[str, str, str]]:
    """What, before and after; sizes are exact, so any change is one."""
    pairs = {name: (row.before[name], row.after[name]) for name in ("params", "macs")}
    known = {name: pair for name, pair in pairs.items() if pd.notna(pair[0]) and pd.notna(pair[1])}
    return [(name, f"{old:,.10g}", f"{new:,.10g}") for name, (old, new) in known.items() if old != new]


def timing_texts(timing: Retimed) -> tuple[str, ...]:
    """Of the table of latencies, quartiles in brackets."""
    ends = [
        f"{significant(ms, 3)} ({significant(low, 3)} to {significant(high, 3)})"
        for ms, low, high in (timing.before, timing.after)
    ]
    return timing.row, *ends, f"{timing.ratio:.2f}", TIMINGS.get(timing.verdict, timing.verdict), timing.measured_on


def training_texts(row: Matched) -> tuple[str, ...]:
    """Of the table of training."""
    seconds = row.before["train_s"], row.after["train_s"]
    doubt = ", in doubt" if row.before["busy"] or row.after["busy"] else ""
    hardware = f"{'same' if row.same_hardware else 'other'}{doubt}"
    return row.id, *(significant(each, 3) for each in seconds), f"{seconds[1] / seconds[0]:.2f}", hardware
