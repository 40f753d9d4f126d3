"""The command `fit`: its one budget, and the chosen setting between its neighbours."""

from itertools import count as numbers

from torch import nn

from cheapconv.catalog.errors import UserError
from cheapconv.catalog.spelling import FREE
from cheapconv.engine.measure import busy
from cheapconv.engine.measure.clock import latency_of
from cheapconv.engine.measure.machine import resolve_device
from cheapconv.engine.measure.passes import Measuring, Stopwatch, Watch, Work
from cheapconv.engine.measure.runtimes.base import Unsupported
from cheapconv.engine.measure.timings import Way, own_folder, ready
from cheapconv.engine.measure.turn import Turn
from cheapconv.engine.plan.budget import Choice, Limit, Quantity, Timed, meet
from cheapconv.engine.plan.template import template
from cheapconv.engine.read.quantity import count
from cheapconv.engine.run import show
from cheapconv.engine.run.show import Row
from cheapconv.models.deployed import deployed


def rows(found: Choice, quantity: Quantity) -> list[Row]:
    """The chosen setting between its neighbours, cheapest first."""
    settings = sorted({found.chosen, *found.neighbours}, key=lambda setting: setting.cost)
    return [
        {
            "architecture": setting.architecture,
            "conv": setting.conv,
            quantity: setting.cost,
            **({"quartiles": setting.quartiles, "doubt": setting.doubt} if setting.quartiles else {}),
            "chosen": setting == found.chosen,
        }
        for setting in settings
    ]


def fitted(
    architecture: str,
    conv: str,
    params: str | None,
    macs: str | None,
    latency_ms: float | None,
    classes: int,
    side: int,
    device: str,
    runtime: str | None = None,
    latency_threads: int = 1,
    watch: Watch | None = None,
) -> list[Row]:
    """The rows of `fit` for exactly one of the three limits; latency by another watch than the device's where one is
    given."""
    given: list[Limit] = []
    given += [Limit("params", count(params))] if params is not None else []
    given += [Limit("macs", count(macs))] if macs is not None else []
    given += [Limit("latency_ms", latency_ms)] if latency_ms is not None else []
    if len(given) != 1:
        raise UserError("give exactly one budget: --params 300k, --macs 40M or --latency-ms 2.")
    way = Way.chosen(runtime, resolve_device(device), latency_threads)
    clock = None
    if latency_ms is not None:
        busy.warn()
        clock = LatencyClock(way, watch or Stopwatch(way.device))
    if FREE not in architecture + conv:
        chosen = template(architecture, conv)
        show.progress(
            f"no ? is given, which marks the number to choose: it is that of {chosen.architecture} {chosen.conv}"
        )
    return rows(meet(architecture, conv, given[0], classes, (3, side, side), clock), given[0].quantity)


class LatencyClock:
    """Times one candidate after the other, in slices between which the machine is calibrated, as `measure` does."""

    def __init__(self, way: Way, watch: Watch) -> None:
        self._way, self._keys = way, map(str, numbers())
        self._measuring = Measuring(watch, Turn())  # its best speed is that of all candidates

    def __call__(self, network: nn.Module, shape: tuple[int, int, int]) -> Timed:
        """Median and quartiles of a network's latency here."""
        try:
            with own_folder() as folder:
                one = ready(deployed(network, shape), shape, self._way, 1, self._way.threads, folder)
        except Unsupported as error:
            raise UserError(f"{str(error).rstrip('.')}: name another --runtime.") from error
        key, work = next(self._keys), Work("a budget of latency", one, None, shape, threads=self._way.threads)
        self._measuring.warm(work)
        self._measuring.complete({key: work})
        pooled = self._measuring.pooled(key)
        taken = latency_of(pooled.one_s)
        return Timed(taken.median_ms, (taken.q25_ms, taken.q75_ms), pooled.doubt)


def present(found: list[Row], as_json: bool) -> None:
    """The rows for people, or as a JSON document."""
    if as_json:
        show.print_json({"settings": found})
    else:
        shown = [{**row, **_in_words(row), "chosen": "<-" if row["chosen"] else ""} for row in found]
        show.table("", shown, [name for name in found[0] if name != "doubt" or any(row["doubt"] for row in found)])


def _in_words(row: Row) -> Row:
    """A latency and its quartiles in three digits; nothing of what is counted."""
    if "quartiles" not in row:
        return {}
    low, high = row["quartiles"]
    return {"latency_ms": f"{row['latency_ms']:.3g}", "quartiles": f"{low:.3g} to {high:.3g}"}
