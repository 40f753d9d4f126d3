"""How fast convs are in one network: one image on one thread, all convs in turn, by a runtime in a precision.

The networks have random weights, which no timing depends on; so has what int8 is calibrated with.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from cheapconv import catalog
from cheapconv.catalog.errors import reason
from cheapconv.engine.measure import clock, timings
from cheapconv.engine.measure.machine import device_name
from cheapconv.engine.measure.passes import Measuring, Pooled, Step, Stopwatch, Watch, Work
from cheapconv.engine.measure.timings import Way
from cheapconv.engine.measure.turn import Turn
from cheapconv.engine.store.atlas import Latency, Share, Spot
from cheapconv.engine.store.files import now
from cheapconv.models.build import build_network
from cheapconv.models.deployed import deployed
from cheapconv.models.meta import on_meta
from cheapconv.models.size import count_macs, count_params

Told = Callable[[str], None]  # a line of progress


@dataclass(frozen=True)
class Setting:
    """The network in which convs are compared."""

    architecture: str
    classes: int
    side: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of an image."""
        return 3, self.side, self.side

    @property
    def label(self) -> str:
        """`WRN-40-2`."""
        return catalog.label("architecture", catalog.parse("architecture", self.architecture))


def network(setting: Setting, conv: str) -> nn.Module:
    """The network with a conv in its deployed form; ValueError where the conv does not fit."""
    torch.manual_seed(0)
    built = build_network(setting.architecture, conv, setting.classes).eval()
    return deployed(built, setting.shape)


def size(setting: Setting, conv: str) -> tuple[int, int]:
    """Parameters as trained and multiply-adds; ValueError where the conv does not fit."""
    with on_meta():
        built = build_network(setting.architecture, conv, setting.classes)
    return count_params(built), count_macs(built, setting.shape)


@dataclass(frozen=True)
class Found:
    """What was found of one network by one way, a row a conv, and the kinds of operators of those that were timed."""

    latencies: tuple[Latency, ...]
    shares: tuple[Share, ...]


def in_turn(
    setting: Setting, convs: Sequence[str], way: Way, folder: Path, told: Told, watch: Watch | None = None
) -> Found:
    """Time every conv; what cannot be had has the reason in its row. `folder` keeps what was exported, for the next
    way."""
    turn, works, refused = Turn(), dict[str, Work](), dict[str, str]()

    def of_pass(step: Step) -> None:
        if step.place == 1:
            told(f"pass {step.number} of {step.passes} over {step.networks} networks")

    measuring = Measuring(watch or Stopwatch(way.device), turn, of_pass)
    for number, conv in enumerate(convs, 1):
        told(f"{number} of {len(convs)}: {setting.label} {conv} in {way.library.label} {way.precision}")
        try:
            name, own = f"{setting.label} {conv}", folder / f"{number}"
            work = timings.for_one_image(network(setting, conv), setting.shape, way, turn, name, own)
            measuring.warm(work)
            works[conv] = work
        except (ValueError, RuntimeError) as error:  # it does not fit, or a runtime cannot take it
            refused[conv] = reason(error).rstrip(".")
    measuring.complete(works)
    pooled = {conv: measuring.pooled(conv) for conv in works}
    return Found(
        tuple(_latency(setting, conv, way, pooled.get(conv), refused.get(conv, "")) for conv in convs),
        tuple(
            Share(**asdict(_spot(setting, conv, way)), kind=operator.kind, ms=operator.ms, count=operator.count)
            for conv, work in works.items()
            for operator in work.operators
        ),
    )


def _spot(setting: Setting, conv: str, way: Way) -> Spot:
    return Spot(
        architecture=setting.label,
        side=setting.side,
        conv=catalog.label("conv", catalog.parse("conv", conv)),
        runtime=way.runtime,
        precision=way.precision,
    )


def _latency(setting: Setting, conv: str, way: Way, pooled: Pooled | None, refused: str) -> Latency:
    """A row, of a conv that was timed or of one that was refused."""
    numbers: dict[str, Any] = {"refused": refused}
    if pooled is not None:
        numbers["params"], numbers["macs"] = size(setting, conv)
        taken = clock.latency_of(pooled.one_s)
        numbers |= {name: getattr(taken, name) for name in ("median_ms", "q10_ms", "q25_ms", "q75_ms", "runs")}
        numbers |= asdict(pooled.speed) | {"doubt": pooled.doubt}
    return Latency(
        **asdict(_spot(setting, conv, way)),
        classes=setting.classes,
        is_standard=catalog.parse("conv", conv).is_standard,
        runtime_label=way.library.label,
        runtime_version=way.library.version or torch.__version__,
        device_name=device_name(way.device),
        date=now(),
        **numbers,
    )
