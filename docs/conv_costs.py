"""The table of convs: what each costs in one network in theory, and on request beside it what it costs on this machine.

docs/networks.yaml says which convs, and in which network if no other is asked for. Sizes are exact.
"""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ruamel.yaml import YAML

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.engine.measure import busy
from cheapconv.engine.measure.machine import resolve_device
from cheapconv.engine.measure.timings import Way
from cheapconv.engine.run import show
from cheapconv.engine.run.conv_timings import Setting, in_turn, size
from cheapconv.engine.run.session import settle
from cheapconv.models.build import standard_conv

SETTINGS = Path(__file__).with_name("networks.yaml")


@dataclass(frozen=True)
class ConvPage:
    """What docs/networks.yaml asks for: the network and the convs of the table, and what the page says below it."""

    architecture: str
    classes: int
    side: int
    convs: tuple[str, ...]
    notes: str = ""  # prose of the page

    @property
    def setting(self) -> Setting:
        """The network."""
        return Setting(self.architecture, self.classes, self.side)


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


def sizes(setting: Setting, convs: Sequence[str]) -> list[Size]:
    """A row for every conv that fits the network."""
    catalog.load()
    standard_params, standard_macs = size(setting, standard_conv().registered_name)
    rows = []
    for conv in convs:
        try:
            params, macs = size(setting, conv)
        except ValueError:
            continue
        rows.append(Size(conv, params, macs, params / standard_params, macs / standard_macs))
    return rows


def timed(
    setting: Setting, runtime: str | None, told: Callable[[str], None] = show.progress
) -> list[dict[str, object]]:
    """Sizes and timings on this machine side by side, in a network that is chosen."""
    catalog.load()
    catalog.parse("architecture", setting.architecture)
    way = Way.chosen(runtime, resolve_device("auto" if runtime is None else "cpu"))
    rows = sizes(setting, conv_page().convs)
    if not rows:
        raise UserError(f"no conv fits {setting.architecture} with images of {setting.side} x {setting.side}.")
    settle(None)
    busy.warn()
    with tempfile.TemporaryDirectory() as folder:
        found = in_turn(setting, [row.conv for row in rows], way, Path(folder), told).latencies
    standard_ms = next((row.median_ms for row in found if row.is_standard), None)
    return [
        asdict(row)
        | {"latency_ms": own.median_ms, "latency_ratio": _ratio(own.median_ms, standard_ms)}
        | {"doubt": own.refused or own.doubt}
        for row, own in zip(rows, found, strict=True)
    ]


def _ratio(own: float | None, standard: float | None) -> float | None:
    """Of two latencies; None where one is not known."""
    return own / standard if own is not None and standard else None


def present(rows: Sequence[Mapping[str, object]]) -> None:
    """The table for people; nothing if it is empty."""
    if rows:
        printed = [{k: _text(v) for k, v in row.items()} for row in rows]
        show.table("\nratios to the standard conv, latency of one image on one thread", printed, list(printed[0]))


def _text(value: object) -> object:
    return f"{value:.3f}" if isinstance(value, float) else "-" if value is None else value
