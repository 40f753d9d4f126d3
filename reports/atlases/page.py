"""The page of an atlas: README.md, a picture of each network, made of the two tables beside it and of nothing else."""

import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from cheapconv.catalog.errors import UserError
from cheapconv.engine.store import atlas as tables
from cheapconv.engine.store.atlas import Atlas
from cheapconv.engine.store.files import write_all
from cheapconv.reports.atlases import figure, numbers
from cheapconv.reports.atlases.numbers import Agreement, Flip
from cheapconv.reports.formats.markdown import markdown
from cheapconv.reports.rows.columns import significant

PAGE = "README.md"
NETWORKS = Path(__file__).with_name("atlas.yaml")  # and convs: what the suite's own is of
SHOWN_FLIPS = 3
SPOT = ("architecture", "side", "conv", "runtime", "precision")
INTRODUCTION = """\
# What cheap convolutions save, on paper and in time

Written by `cheapconv atlas`; `latency.csv` and `operators.csv` beside this page are all that it is made of.

Each network is built with each conv, brought into the form that is deployed (batch norms folded, weights plain) and run
by each runtime: one image, one CPU thread. The convs of a network take turns, several times, so that a slow moment hits
all alike; medians count. A ratio is to the same network with the standard convolution, by the same runtime in the same
precision: below 1 is faster. Weights are random, which no timing depends on.

int8 is made by each runtime's own quantiser. A ratio in int8 is to the standard convolution in int8.
"""


def render(folder: Path) -> list[Path]:
    """Write the page of the tables of a folder; the paths. A UserError where there are none."""
    atlas = tables.read(folder)
    if not any(row.median_ms for row in atlas.latencies):
        raise UserError(f"{folder} holds no timings: run `cheapconv atlas` without --render.")
    rows = numbers.frame(atlas)
    networks = list(dict.fromkeys(rows["network"]))
    texts = {_picture(network): figure.svg(rows, network) for network in networks}
    texts[PAGE] = "\n".join(page(atlas, rows, networks))
    write_all({folder / name: text.encode() for name, text in texts.items()})
    return [folder / name for name in texts]


def page(atlas: Atlas, rows: pd.DataFrame, networks: Sequence[str]) -> Iterator[str]:
    """Its lines."""
    agreements = sorted(numbers.agreements(rows), key=lambda each: networks.index(each.network))
    yield INTRODUCTION
    yield from _measured(rows)
    yield "\n## Do multiply-adds foretell latency?\n"
    yield (
        "Spearman's rho over the convs of a network: 1 where fewer multiply-adds are always faster. A pair flips\n"
        f"where one conv has at least {numbers.FEWER:.0%} less multiply-adds and is slower, quartiles apart.\n"
    )
    yield _agreements(agreements)
    for network in networks:
        yield f"\n## {network}\n"
        yield f"![latency against multiply-adds]({_picture(network)})\n"
        yield from _sentences([each for each in agreements if each.network == network])
        yield ""
        yield _table(rows[rows["network"] == network], atlas)
        yield "\nRank correlation of the latencies themselves, between runtimes and precisions:\n"
        yield _correlations(rows, network)
    yield from _refused(atlas)
    yield ""


def _picture(network: str) -> str:
    return f"{network.lower().replace(' ', '-')}.svg"


def _measured(rows: pd.DataFrame) -> Iterator[str]:
    """Where, when and by what."""
    versions = dict.fromkeys(f"{row.runtime_label} {row.runtime_version}" for row in rows.itertuples())
    days = sorted({str(date)[:10] for date in rows["date"]})
    speeds = [f"{rows[name].min():.3g} to {rows[name].max():.3g} {unit}" for name, unit in _CALIBRATION]
    machines, measured = dict.fromkeys(rows["device_name"]), dict.fromkeys((days[0], days[-1]))
    yield f"- Machine: {', '.join(machines)}, {' to '.join(measured)}"
    yield f"- Runtimes: {', '.join(versions)}"
    yield f"- The machine's calibration around the timings: {', '.join(speeds)}"
    doubtful = int((rows["doubt"] != "").sum())
    yield (
        f"- In doubt, marked ?: {doubtful} of {len(rows)} timings, around which the machine was more than 15 % slower "
        "than at its best"
    )


_CALIBRATION = (("gflops", "GFLOP/s"), ("gb_per_s", "GB/s"))


def _agreements(found: Sequence[Agreement]) -> str:
    head = ["network", "runtime", "convs", "rho", "pairs", "flip", "cheaper than S but not faster"]
    body = [
        [
            each.network,
            each.way,
            f"{each.convs}",
            f"{each.rho:.2f}",
            f"{each.pairs}",
            f"{len(each.flips)} ({len(each.flips) / each.pairs:.0%})" if each.pairs else "-",
            ", ".join(f"`{conv}`" for conv in each.dearer) or "none",
        ]
        for each in found
    ]
    return markdown(head, body, right=head[2:6])


def _sentences(found: Sequence[Agreement]) -> Iterator[str]:
    """Where multiply-adds foretell most and least, and the largest flips by the first way."""
    best, worst = max(found, key=lambda each: each.rho), min(found, key=lambda each: each.rho)
    yield (
        f"- Multiply-adds foretell the order best in {best.way} (rho {best.rho:.2f}) and worst in {worst.way} "
        f"(rho {worst.rho:.2f})."
    )
    shown: dict[str, Flip] = {}  # one a conv that disappoints
    for flip in found[0].flips:
        shown.setdefault(flip.few, flip)
    for flip in list(shown.values())[:SHOWN_FLIPS]:
        yield (
            f"- In {found[0].way} `{flip.few}` needs {flip.fewer:.1f} times fewer multiply-adds than `{flip.many}` and "
            f"takes {flip.slower:.1f} times as long."
        )


def _table(rows: pd.DataFrame, atlas: Atlas) -> str:
    """A row a conv: sizes, the latency ratio of each way, and what costs, in the first way of each precision."""
    ways = list(dict.fromkeys(rows["way"]))
    looked_into = rows.drop_duplicates("precision")[["way", *SPOT[3:]]].to_dict("records")
    dearest = {tuple(row[name] for name in SPOT): row for row in numbers.dearest(atlas).to_dict("records")}
    by_spot = {(row["conv"], row["way"]): row for row in rows.to_dict("records")}
    costly = [f"most of the time in {way['way']}" for way in looked_into]
    head, body = ["conv", "params", "MACs", *ways, *costly], []
    for row in rows[rows["way"] == ways[0]].to_dict("records"):
        spots = [tuple((row | way)[name] for name in SPOT) for way in looked_into]
        ratios = [_ratio(by_spot.get((row["conv"], way))) for way in ways]
        sizes = [f"`{row['conv']}`", f"{row['params_ratio']:.3f}", f"{row['macs_ratio']:.3f}"]
        body.append([*sizes, *ratios, *(_cost(dearest.get(spot)) for spot in spots)])
    return markdown(head, body, right=head[1 : 3 + len(ways)])


def _cost(found: Mapping[Hashable, Any] | None) -> str:
    """`conv 1x1 (56% in 15)`: the kind of operator, its share and how many there are."""
    return f"{found['kind']} ({found['share']:.0%} in {found['count']})" if found else "-"


def _ratio(row: Mapping[Hashable, Any] | None) -> str:
    """`0.52`, in doubt `0.52?`; of the standard conv with its milliseconds."""
    if row is None:
        return "-"
    absolute = f" ({significant(row['median_ms'], 3)} ms)" if row["is_standard"] else ""
    return f"{row['latency_ratio']:.2f}{'?' if row['doubt'] else ''}{absolute}"


def _correlations(rows: pd.DataFrame, network: str) -> str:
    table = numbers.rank_correlations(rows, network)
    ways = list(dict.fromkeys(rows[rows["network"] == network]["way"]))
    body = [[way, *("" if math.isnan(rho) else f"{rho:.2f}" for rho in table.loc[way, ways])] for way in ways]
    return markdown(["", *ways], body, right=ways)


def _refused(atlas: Atlas) -> Iterator[str]:
    """What could not be timed, and why."""
    found = [row for row in atlas.latencies if row.refused]
    if not found:
        return
    yield "\n## Not timed\n"
    for row in found:
        spot = f"{row.architecture} at {row.side} with `{row.conv}` in {row.runtime_label} {row.precision}"
        yield f"- {spot}: {row.refused}."
