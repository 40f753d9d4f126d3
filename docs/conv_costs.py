"""The table of convs: what each costs in one network in theory, and beside it what it costs on this machine.

docs/networks.yaml says which network and which convs. Sizes are exact. Timings are given as ratios to the network of
the standard conv, which is timed again before every few others, because a machine's speed drifts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from ruamel.yaml import YAML

from cheapconv import catalog
from cheapconv.engine.measure import clock as timing
from cheapconv.engine.measure.machine import resolve_device
from cheapconv.engine.measure.turn import Turn
from cheapconv.engine.run import show
from cheapconv.models.build import build_network, on_device, standard_conv
from cheapconv.models.meta import on_meta
from cheapconv.models.size import count_macs, count_params

SETTINGS = Path(__file__).with_name("networks.yaml")
BUDGET_S = 1.0  # of measuring, for each of latency and throughput
BATCH = 32  # of throughput: the table is long
AT_A_TIME = 6  # convs between two timings of the standard one


@dataclass(frozen=True)
class ConvPage:
    """What docs/networks.yaml asks for: the network and the convs of the table, and what the page says below it."""

    architecture: str
    classes: int
    side: int
    convs: tuple[str, ...]
    notes: str = ""  # prose of the page

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of an image."""
        return 3, self.side, self.side


def conv_page(path: Path = SETTINGS) -> ConvPage:
    """What docs/networks.yaml asks for."""
    body = YAML(typ="safe").load(path)
    return ConvPage(**{**body, "convs": tuple(body["convs"])})


@dataclass(frozen=True)
class Size:
    """A conv's parameters and multiply-adds in the network, and both as ratios to the standard conv's."""

    conv: str
    params: int
    macs: int
    params_ratio: float
    macs_ratio: float


def sizes(table: ConvPage) -> list[Size]:
    """A row for every conv."""
    catalog.load()
    standard_params, standard_macs = _size(table, standard_conv().registered_name)
    rows = []
    for conv in table.convs:
        params, macs = _size(table, conv)
        rows.append(Size(conv, params, macs, params / standard_params, macs / standard_macs))
    return rows


def timings(table: ConvPage, device: torch.device) -> tuple[list[dict[str, float]], float]:
    """For every conv, latency and throughput on `device` divided by those of the standard conv; and the drift.

    The drift is the largest of the standard conv's own timings over the smallest: how far the ratios can be trusted.
    """
    catalog.load()
    rows, standards = [], []
    with Turn().taken("the table of convs"):
        for start in range(0, len(table.convs), AT_A_TIME):
            standards.append(_time(table, standard_conv().registered_name, device))
            times = [_time(table, conv, device) for conv in table.convs[start : start + AT_A_TIME]]
            rows += [{name: value / standards[-1][name] for name, value in found.items()} for found in times]
    by_name = [[found[name] for found in standards] for name in standards[0]]
    return rows, max(max(values) / min(values) for values in by_name)


def timed() -> list[dict[str, object]]:
    """The table that docs/networks.yaml asks for, sizes and timings on this machine side by side."""
    table = conv_page()
    times, _ = timings(table, resolve_device("auto"))
    return [asdict(size) | time for size, time in zip(sizes(table), times, strict=True)]


def present(rows: Sequence[Mapping[str, object]]) -> None:
    """The table for people; nothing if it is empty."""
    if rows:
        printed = [{k: f"{v:.3f}" if isinstance(v, float) else v for k, v in row.items()} for row in rows]
        show.table("\nratios to the standard conv", printed, list(printed[0]))


def _size(table: ConvPage, conv: str) -> tuple[int, int]:
    """Parameters and multiply-adds."""
    with on_meta():
        network = build_network(table.architecture, conv, table.classes)
    return count_params(network), count_macs(network, table.shape)


def _time(table: ConvPage, conv: str, device: torch.device) -> dict[str, float]:
    network = on_device(build_network(table.architecture, conv, table.classes).eval(), device)
    return {
        "latency_ratio": timing.latency(network, table.shape, device, BUDGET_S).median_ms,
        "throughput_ratio": timing.throughput(network, table.shape, device, BUDGET_S, BATCH).images_per_s,
    }
