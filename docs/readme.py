"""The README's tables: a sweep whose result files are committed, and the atlas."""

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from cheapconv import catalog
from cheapconv.docs.blocks import fill
from cheapconv.engine.store import atlas
from cheapconv.reports.answers import content
from cheapconv.reports.answers.content import Content
from cheapconv.reports.answers.finding import Finding
from cheapconv.reports.answers.findings import budgets, gains, treatment
from cheapconv.reports.answers.unknown import unknown
from cheapconv.reports.answers.words import p_text
from cheapconv.reports.atlases.numbers import frame
from cheapconv.reports.formats import escape
from cheapconv.reports.formats.markdown import markdown
from cheapconv.reports.rows.columns import Row, significant
from cheapconv.reports.rows.equal_cost import tied
from cheapconv.reports.rows.measurements import letter, suffixes
from cheapconv.reports.rows.quantities import quantities
from cheapconv.reports.statistics.paired import Comparison

ROOT = Path(__file__).parents[1]
REPORTS = ROOT / "reports"
SWEEP = "cifar10-brief"  # of which the README tells
METHODS = "methods-fashion"  # in which every method is
NETWORK, SIDE = "WRN-40-2", 32  # of the atlas
CONVS = ("S", "G(4)", "G(16)", "G(N)", "BG(2,M/8)", "shift(e=1)", "Octave_0.25")
WAYS = (
    *(("onnxruntime", "fp32"), ("onnxruntime", "int8"), ("openvino", "fp32"), ("openvino", "int8")),
    *(("litert", "int8"), ("executorch", "int8"), ("eager", "fp32"), ("compile", "fp32")),
)


def makers() -> Mapping[str, Callable[[], str]]:
    """What the README's blocks are made by."""
    found = committed(SWEEP)
    return {
        "sweep": lambda: methods_table(found),
        "answers": lambda: answers(found),
        "methods": lambda: answers(committed(METHODS)),
        "atlas": ratios,
    }


def write(path: Path = ROOT / "README.md") -> None:
    """Make the blocks anew."""
    fill(path, makers())


@functools.cache
def committed(sweep: str) -> Content:
    """What the committed result files of a sweep say; read once, as several pages are made of them."""
    catalog.load()
    return content.build(REPORTS / sweep / "results", sweep)


def methods_table(found: Content) -> str:
    """A row a network and a column a method that has trained at least half of them; bold is what is not told from the
    best of its row."""
    rows = found.rows[(found.rows["deployed"] == "") & (found.rows["variant"] == "") & (found.rows["n"] > 0)]
    networks = rows.groupby(["architecture", "conv"]).ngroups
    rows = rows[rows.groupby("method")["method"].transform("size") >= networks / 2]
    methods = list(dict.fromkeys(rows.sort_values("place")["method"]))
    ends = suffixes(rows)
    latencies = [(f"latency (ms){letter(place, len(ends))}", end) for place, end in enumerate(ends)]
    head = ["network", "MACs (M)", "params", *(title for title, _ in latencies), *methods]
    lines = []
    for _, own in rows.groupby(["architecture", "conv"], sort=False):
        best, first = _best(own), own.iloc[0]
        scores = [score(own[own["method"] == method], best) for method in methods]
        speeds = [
            f"{significant(first[f'latency_ms{end}'], 3)}{'?' * bool(first[f'doubt{end}'])}" for _, end in latencies
        ]
        name = f"{first['architecture']} {first['conv']}"
        lines.append((first["macs"], [name, f"{first['macs'] / 1e6:.2f}", f"{first['params']:,.0f}", *speeds, *scores]))
    lines.sort(key=lambda line: -line[0])
    said = [f"- {name}: {text}." for name, text in found.conditions.items() if name.startswith("Latency")]
    return "\n".join([markdown(head, [line for _, line in lines], right=head[1:]), "", *said])


def answers(found: Content) -> str:
    """Of what the report opens with: the best under a budget, what each way of training gains, what cannot be told."""
    best, untold = budgets(found.rows, quantities(found.rows)), unknown(found.rows, found.sweep.score)
    parts = [bullets(best), gains_table(gains(found.cells, found.rows)), bullets(untold)]
    return "\n\n".join(filter(None, parts))


def bullets(findings: Iterable[Finding]) -> str:
    """A line each."""
    return "\n".join(f"- {escape.markdown(finding.text)}" for finding in findings)


def gains_table(compared: Sequence[Comparison]) -> str:
    """A row a way of training, beside training alone in the same networks; nothing where none has networks enough."""
    if not compared:
        return ""
    head = ["way of training", "points above training alone", "95 %", "networks better", "p (Holm)"]
    lines = [
        [
            escape.markdown(treatment(each)),
            f"**{100 * each.mean:+.2f}**" if each.resolved else f"{100 * each.mean:+.2f}",
            f"{100 * each.low:.2f} to {100 * each.high:.2f}",
            f"{each.wins} of {len(each.networks)}",
            escape.markdown(p_text(each.p_adjusted).removeprefix("p = ").removeprefix("p ")),
        ]
        for each in compared
    ]
    return markdown(head, lines, right=head[1:])


def _best(own: pd.DataFrame) -> set[object]:
    """Labels of the most accurate row of a network and of those that are not told from it, where there are several."""
    known = own[own["comparable"].astype(bool)]
    if len(known) < 2:
        return set()
    top = known["top1_mean"].idxmax()
    return {top, *tied(known, top)}


def score(rows: pd.DataFrame, best: set[object]) -> str:
    """Accuracy in percent, with the deviation over seeds where there are several; bold if the row is among the `best`,
    nothing without a row."""
    if rows.empty or pd.isna(rows["top1_mean"].iloc[0]):
        return ""
    row: Row = rows.iloc[0]
    text = f"{100 * row['top1_mean']:.2f}" + (f" ± {100 * row['top1_std']:.2f}" if row["n"] > 1 else "")
    return f"**{text}**" if rows.index[0] in best else text


def ratios(folder: Path = REPORTS / "atlas") -> str:
    """Latency beside that of the standard convolution, a column a runtime and precision."""
    rows = frame(atlas.read(folder))
    rows = rows[(rows["architecture"] == NETWORK) & (rows["side"] == SIDE)].set_index(["conv", "runtime", "precision"])
    labels = {way: rows.xs(way, level=["runtime", "precision"])["way"].iloc[0] for way in WAYS}
    head = ["conv", "MACs", *labels.values()]
    lines = []
    for conv in CONVS:
        macs = rows.loc[conv]["macs_ratio"].iloc[0]
        lines.append([conv, f"{macs:.3f}", *(_ratio(rows, (conv, *way)) for way in WAYS)])
    return f"{markdown(head, lines, right=head[1:])}\n\n{slower(rows.reset_index())}"


def slower(rows: pd.DataFrame) -> str:
    """How many convolutions of fewer multiply-adds are slower than the standard one in int8, the quartiles apart."""
    told = []
    for way, own in rows[rows["precision"] == "int8"].groupby("way", sort=False):
        cheap, standard = own[own["macs_ratio"] < 1], own[own["is_standard"]].iloc[0]
        told.append(f"{(cheap['q25_ms'] > standard['q75_ms']).sum()} of {len(cheap)} in {way}")
    return f"Of fewer multiply-adds than the standard convolution and slower, the quartiles apart: {', '.join(told)}."


def _ratio(rows: pd.DataFrame, spot: tuple[str, str, str]) -> str:
    """`0.91`, with ? where it is in doubt; nothing where the runtime refused the network."""
    if spot not in rows.index:
        return ""
    row = rows.loc[[spot]].iloc[0]
    return f"{row['latency_ratio']:.2f}{'?' if row['doubt'] else ''}"
