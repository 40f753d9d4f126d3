"""The command `atlas`: times every conv in some networks by several runtimes, writes the tables, and the page of them.

One network by one way is a piece of work, kept as soon as it is done; what is kept of this machine and these versions
is not timed again unless that is asked for.
"""

import logging
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from ruamel.yaml import YAML

from cheapconv import catalog
from cheapconv.catalog.errors import UserError, reason
from cheapconv.engine.measure import busy
from cheapconv.engine.measure.calibration_images import CalibrationImages
from cheapconv.engine.measure.machine import device_name
from cheapconv.engine.measure.passes import Watch
from cheapconv.engine.measure.timings import ON_CPU, Way
from cheapconv.engine.run import show
from cheapconv.engine.run.computing import settle
from cheapconv.engine.run.conv_timings import Found, Setting, Told, in_turn
from cheapconv.engine.run.options import Anew
from cheapconv.engine.run.shipping import CPU
from cheapconv.engine.store import atlas
from cheapconv.engine.store.atlas import Atlas, Latency
from cheapconv.engine.store.records import EAGER

FORM = "it is a list `networks`, of `{architecture: NAME, classes: 10, side: 32}`, and a list `convs`"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Asked:
    """What an atlas is of."""

    settings: tuple[Setting, ...]
    convs: tuple[str, ...]

    @classmethod
    def read(cls, path: Path) -> "Asked":
        """From a YAML file with `networks` (architecture, classes, side) and `convs`; a UserError for another one."""
        catalog.load()
        try:
            body = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
            settings = tuple(Setting(**network) for network in body["networks"])
            convs = tuple(body["convs"])
        except Exception as error:  # YAML that cannot be read, or is of something else
            raise UserError(f"{path} says no atlas ({reason(error)}): {FORM}.") from error
        for kind, texts in (("architecture", [each.architecture for each in settings]), ("conv", convs)):
            for text in texts:
                catalog.parse(kind, text)
        return cls(settings, convs)


def command(of: Path, runtimes: str | None, int8: bool, again: Anew | None, out: Path) -> None:
    """Measure what is lacking, with a line for each piece of work, and beside it for each of its steps."""
    asked = Asked.read(of)
    for line in measure(asked, runtimes or ",".join(installed()), int8=int8, again=again, out=out, told=show.progress):
        show.console.print(line, highlight=False, markup=False, soft_wrap=True)


def installed() -> list[str]:
    """The runtimes that can be used here, the usual one first and PyTorch last."""
    here = [name for name in catalog.names("runtime") if catalog.entry("runtime", name).cls().missing() is None]
    return sorted(here, key=lambda name: (name == EAGER, name != ON_CPU, name))


def ways(runtimes: str, int8: bool, shape: tuple[int, int, int]) -> list[Way]:
    """Each runtime of the list, and where it has int8, in that too; one that is not here is said and left out."""
    found: list[Way] = []
    for name in runtimes.split(","):
        try:
            way = Way.chosen(name, CPU)
        except UserError as error:
            log.warning("left out: %s", str(error).rstrip("."))
            continue
        found += [way, way.in_int8(CalibrationImages.random(shape))] if int8 and way.has_int8 else [way]
    if not found:
        raise UserError(f"none of the runtimes {runtimes} can be used here: see `cheapconv list runtimes`.")
    return found


def measure(
    asked: Asked,
    runtimes: str,
    *,
    int8: bool,
    again: Anew | None,
    out: Path,
    told: Told,
    watch: Watch | None = None,
) -> Iterator[str]:
    """Fill the tables of the folder `out`; a line for each network and way that was timed. A UserError where they are
    of another machine: ratios of two machines do not belong in one table."""
    here = device_name(CPU)
    if others := {row.device_name for row in atlas.read(out).latencies} - {here}:
        raise UserError(f"{out} is of another machine ({', '.join(sorted(others))}): give {here} a folder with --out.")
    settle(1)
    busy.warn()
    for setting in asked.settings:
        with tempfile.TemporaryDirectory() as folder:  # what is exported serves every runtime
            for way in ways(runtimes, int8, setting.shape):
                kept = there(atlas.read(out), setting, way)
                doubts, whole = sum(bool(row.doubt) for row in kept), not lacking(kept, asked.convs)
                if again == Anew.ALL or (again and doubts) or not whole:
                    found = in_turn(setting, asked.convs, way, Path(folder), told, watch)
                    best = doubts if again == Anew.DOUBTFUL and whole and doubts else None
                    yield f"{setting.label}, {way.runtime} {way.precision}: {_taken(found, best, out)}"


def _taken(found: Found, doubts: int | None, out: Path) -> str:
    """Put timings into the atlas, unless as many are in doubt as of those that it has, where they were taken again for
    that; what came of it."""
    timed = sum(row.median_ms is not None for row in found.latencies)
    doubtful = sum(bool(row.doubt) for row in found.latencies)
    if doubts is not None and doubts <= doubtful:
        return f"{doubtful} in doubt again, the old stay"
    atlas.write(out, atlas.read(out).including(found.latencies, found.shares))
    return f"{timed} of {len(found.latencies)} convs{f', {doubtful} of them in doubt' if doubtful else ''}"


def there(kept: Atlas, setting: Setting, way: Way) -> list[Latency]:
    """What an atlas has of a network by a way, in the runtime's version of today."""
    own = (setting.label, setting.side, way.runtime, way.precision, way.library.version or torch.__version__)
    return [
        row
        for row in kept.latencies
        if (row.architecture, row.side, row.runtime, row.precision, row.runtime_version) == own
    ]


def lacking(kept: Sequence[Latency], convs: Sequence[str]) -> set[str]:
    """Convs that are not among timings; where one is lacking all are timed again: their ratios are of one time."""
    return {catalog.label("conv", catalog.parse("conv", conv)) for conv in convs} - {row.conv for row in kept}
