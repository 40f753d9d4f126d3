"""Timings that are made up."""

from collections.abc import Iterable

from cheapconv.engine.measure.calibration import Speed
from cheapconv.engine.measure.passes import Work
from cheapconv.engine.measure.timings import Structure
from cheapconv.engine.store.operators import Operator
from cheapconv.engine.store.records import Latency, Measurement, Throughput


def a_timing(
    structure: Structure,
    *,
    median_ms: float = 1.0,
    images_per_s: float = 1000.0,
    operators: tuple[Operator, ...] = (),
) -> Measurement:
    """What `time_network` would say of a structure."""
    common = {"threads": 1, "precision": "fp32", "runs": 10}
    return Measurement(
        structure=structure.key,
        architecture=structure.architecture,
        conv=structure.conv,
        classes=structure.classes,
        input=structure.shape,
        device="cpu",
        device_name="A CPU",
        date="2026-01-01T00:00:00+00:00",
        latency=Latency(batch=1, median_ms=median_ms, q25_ms=median_ms, q75_ms=median_ms, **common),
        throughput=Throughput(batch=128, images_per_s=images_per_s, q25=1.0, q75=2.0, **common),
        operators=operators,
    )


class Watch:
    """A watch on which the machine has the given shares of its speed one after the other, and its full one after them.

    An image takes `one_s` and a batch `many_s`, both divided by the machine's share.
    """

    def __init__(self, shares: Iterable[float] = (), *, one_s: float = 0.001, many_s: float = 0.1) -> None:
        self._shares, self._one_s, self._many_s = iter(shares), one_s, many_s
        self._share = 1.0
        self.asked = 0
        self.warmed: list[str] = []
        self.sliced: list[str] = []

    def speed(self) -> Speed:
        """60 GFLOP/s and 10 GB/s at full speed."""
        self.asked += 1
        self._share = next(self._shares, 1.0)
        return Speed(60 * self._share, 10.0)

    def warm(self, work: Work) -> None:
        """Remembers the name."""
        self.warmed.append(work.name)

    def slice(self, work: Work) -> tuple[list[float], list[float]]:
        """Two runs of each."""
        self.sliced.append(work.name)
        return [self._one_s / self._share] * 2, [self._many_s / self._share] * 2
