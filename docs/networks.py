"""docs/networks.md: every architecture and conv, and what the convs cost, in time as the atlas has measured it."""

from collections.abc import Mapping
from pathlib import Path

from cheapconv import catalog
from cheapconv.docs import conv_costs
from cheapconv.engine.store import atlas
from cheapconv.engine.store.atlas import Latency
from cheapconv.reports.formats.markdown import markdown

PATH = conv_costs.SETTINGS.with_suffix(".md")
ATLAS = PATH.parents[1] / "reports" / "atlas"
WAYS = {("onnxruntime", "fp32"): "ONNX Runtime", ("onnxruntime", "int8"): "in int8", ("eager", "fp32"): "PyTorch"}
Timings = Mapping[tuple[str, str], Mapping[str, Latency]]  # by runtime and precision, and by conv

INTRODUCTION = """\
# Networks

Written by `make docs`; what the table shows is chosen in `networks.yaml`.

Any architecture below takes any conv, or refuses it with the rule that is violated. Names are written as in the
registry: `name(parameter=number, ...)`, or in the notation of the papers.

## What a cheap convolution costs

{architecture} with {classes} classes, images of {side} x {side}. Ratios are to the standard convolution. Multiply-adds
are those of one image; a shift counts none, as in its paper, and is deployed as a depthwise convolution. The last three
columns are ratios of latency, of one image on one thread: of the form that is deployed in ONNX Runtime in float32 and
in int8, each beside the standard convolution in the same precision, and in PyTorch. Below 1 is faster. Fewer
multiply-adds are not always a gain: many small or grouped convolutions move more data than they compute with, and
PyTorch's interpreter takes its time for every operator. More networks and runtimes, and where the time
goes: [the atlas](../reports/atlas/README.md).

{machine}
"""


def render(table: conv_costs.ConvPage, timings: Timings) -> str:
    """The whole page."""
    catalog.load()
    introduction = INTRODUCTION.format(
        architecture=table.architecture, classes=table.classes, side=table.side, machine=_machine(timings)
    )
    listings = [_listing("conv"), "", _listing("architecture")]
    return "\n".join([introduction, _costs(table, timings), "", table.notes, *listings, ""])


def measured(table: conv_costs.ConvPage, folder: Path = ATLAS) -> Timings:
    """What the atlas has of the page's network by each way of the page."""
    catalog.load()
    found: dict[tuple[str, str], dict[str, Latency]] = {way: {} for way in WAYS}
    for row in atlas.read(folder).latencies:
        way = row.runtime, row.precision
        if way in found and (row.architecture, row.side) == (table.setting.label, table.side):
            found[way][row.conv] = row
    return found


def write(table: conv_costs.ConvPage, path: Path = PATH, folder: Path = ATLAS) -> None:
    """Write the page."""
    path.write_text(render(table, measured(table, folder)), encoding="utf-8")


def _machine(timings: Timings) -> str:
    """Where the timings are from."""
    rows = [row for by_conv in timings.values() for row in by_conv.values() if row.median_ms is not None]
    if not rows:
        return "Timings: none."
    versions = dict.fromkeys(f"{row.runtime_label} {row.runtime_version}" for row in rows)
    days = sorted({row.date[:10] for row in rows})
    where = ", ".join([*dict.fromkeys(row.device_name for row in rows), *versions])
    return f"Timings: {where}, {' to '.join(dict.fromkeys((days[0], days[-1])))}; those marked ? are in doubt."


def _costs(table: conv_costs.ConvPage, timings: Timings) -> str:
    head = ["conv", "params", "params ratio", "MACs", "MACs ratio", *WAYS.values()]
    rows = [
        [
            f"`{row.conv}`",
            f"{row.params:,}",
            f"{row.params_ratio:.3f}",
            f"{row.macs:,}",
            f"{row.macs_ratio:.3f}",
            *(_ratio(timings[way], catalog.label("conv", catalog.parse("conv", row.conv))) for way in WAYS),
        ]
        for row in conv_costs.sizes(table.setting, table.convs)
    ]
    return markdown(head, rows, right=head[1:])


def _ratio(by_conv: Mapping[str, Latency], conv: str) -> str:
    """Latency beside that of the standard conv; empty where one of them was not timed."""
    own = by_conv.get(conv)
    standard = next((row.median_ms for row in by_conv.values() if row.is_standard), None)
    if own is None or own.median_ms is None or standard is None:
        return ""
    return f"{own.median_ms / standard:.2f}{'?' if own.doubt else ''}"


def _listing(kind: str) -> str:
    """Every registered thing of a kind: name with parameters, notation, what it is, and its paper."""
    rows = []
    for entry in (catalog.entry(kind, name) for name in catalog.names(kind)):
        own = {name: value for name, value in entry.defaults.items() if name not in entry.common}
        parameters = [name if value is ... else f"{name}={value!r}" for name, value in own.items()]
        call = f"`{entry.name}({', '.join(parameters)})`" if parameters else f"`{entry.name}`"
        rows.append([call, ", ".join(f"`{form}`" for form in entry.notation), entry.summary, entry.paper])
    return f"## {kind.capitalize()}s\n\n" + markdown(["name", "notation", "what it is", "source"], rows)
