"""docs/networks.md: every architecture and conv, and what the convs cost."""

import datetime
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import torch

from cheapconv import catalog
from cheapconv.docs import conv_costs
from cheapconv.engine.measure.machine import device_name, resolve_device
from cheapconv.reports.markdown import markdown

PATH = conv_costs.SETTINGS.with_suffix(".md")
Timing = tuple[str, str]  # latency ratio and throughput ratio, as printed
UNMEASURED: Timing = ("", "")

INTRODUCTION = """\
# Networks

Written by `make docs`; what the table shows is chosen in `networks.yaml`.

Any architecture below takes any conv, or refuses it with the rule that is violated. Names are written as in the
registry: `name(parameter=number, ...)`, or in the notation of the papers.

## What a cheap convolution costs

{architecture} with {classes} classes, images of {side} x {side}. Ratios are to the standard convolution. Multiply-adds
are those that are executed on one image. Latency is that of one image on one thread, throughput that of batches of
{batch} on all threads, both in float32: a ratio of latency below 1 and one of throughput above 1 are gains. Fewer
multiply-adds are not always a gain: many small or grouped convolutions move more data than they compute with.

{machine}
"""


def render(table: conv_costs.ConvPage, machine: str, timings: Mapping[str, Timing]) -> str:
    """The whole page; `machine` says where the `timings` by conv were measured."""
    catalog.load()
    introduction = INTRODUCTION.format(
        architecture=table.architecture,
        classes=table.classes,
        side=table.side,
        batch=conv_costs.BATCH,
        machine=machine,
    )
    listings = [_listing("conv"), "", _listing("architecture")]
    return "\n".join([introduction, _costs(table, timings), "", table.notes, *listings, ""])


def measured(page: str) -> tuple[str, dict[str, Timing]]:
    """The line about the machine and the timings by conv of a page that `render` made."""
    machine = re.search(r"^Timings: .*$", page, re.MULTILINE)
    rows = re.findall(r"^\| `([^|]*)` \| [\d,]+ \|.*\| ([\d.]*) \| ([\d.]*) \|$", page, re.MULTILINE)
    return machine[0] if machine else "Timings: none.", {conv: (slow, fast) for conv, slow, fast in rows}


def measure(table: conv_costs.ConvPage) -> tuple[str, dict[str, Timing]]:
    """The line about this machine and the timings by conv on it."""
    device = resolve_device("auto")
    rows, drift = conv_costs.timings(table, device)
    today = datetime.datetime.now(datetime.UTC).date()
    where = f"{device_name(device)}, {torch.get_num_threads()} threads, PyTorch {torch.__version__}, {today}"
    machine = (
        f"Timings: {where}; those of the standard conv itself, taken now and then, differ by a factor {drift:.2f}."
    )
    ratios = [(f"{row['latency_ratio']:.2f}", f"{row['throughput_ratio']:.2f}") for row in rows]
    return machine, dict(zip(table.convs, ratios, strict=True))


def write(
    table: conv_costs.ConvPage,
    path: Path = PATH,
    keep_timings: bool = False,
    measure: Callable[[conv_costs.ConvPage], tuple[str, dict[str, Timing]]] = measure,
) -> None:
    """Write the page, measuring on this machine unless the timings that are there are kept."""
    page = path.read_text(encoding="utf-8") if path.is_file() else ""
    machine, timings = measured(page) if keep_timings else measure(table)
    path.write_text(render(table, machine, timings), encoding="utf-8")


def _costs(table: conv_costs.ConvPage, timings: Mapping[str, Timing]) -> str:
    head = ["conv", "params", "params ratio", "MACs", "MACs ratio", "latency ratio", "throughput ratio"]
    rows = [
        [
            f"`{row.conv}`",
            f"{row.params:,}",
            f"{row.params_ratio:.3f}",
            f"{row.macs:,}",
            f"{row.macs_ratio:.3f}",
            *timings.get(row.conv, UNMEASURED),
        ]
        for row in conv_costs.sizes(table)
    ]
    return markdown(head, rows, right=head[1:])


def _listing(kind: str) -> str:
    """Every registered thing of a kind: name with parameters, notation, what it is, and its paper."""
    rows = []
    for entry in (catalog.entry(kind, name) for name in catalog.names(kind)):
        own = {name: value for name, value in entry.defaults.items() if name not in entry.common}
        parameters = [name if value is ... else f"{name}={value!r}" for name, value in own.items()]
        call = f"`{entry.name}({', '.join(parameters)})`" if parameters else f"`{entry.name}`"
        rows.append([call, ", ".join(f"`{form}`" for form in entry.notation), entry.summary, entry.paper])
    return f"## {kind.capitalize()}s\n\n" + markdown(["name", "notation", "what it is", "source"], rows)
