"""Axes of the pictures: where a number lies in a panel, and at which round numbers the ticks stand."""

import dataclasses
import math
from collections.abc import Sequence

MANTISSAS = ((1.0,), (1.0, 3.0), (1.0, 2.0, 5.0), (1.0, 1.5, 2.0, 3.0, 5.0, 7.0))


@dataclasses.dataclass(frozen=True)
class Axis:
    """Maps `low..high` to pixels `start..end`, by logarithm if `log`."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def place(self, value: float) -> float:
        """The pixel of a value, rounded to a tenth."""
        low, high, at = (math.log(v) if self.log else v for v in (self.low, self.high, value))
        return round(self.start + (at - low) / (high - low) * (self.end - self.start), 1)

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """Pixel and text of each tick."""
        values = _log_ticks(self.low, self.high) if self.log else _linear_ticks(self.low, self.high)
        return [(self.place(value), f"{value:g}") for value in values]


def around(values: Sequence[float], start: float, end: float, log: bool = False) -> Axis:
    """An axis that holds `values` with a margin of a tenth of their span, more where they hardly differ."""
    low, high = min(values), max(values)
    if log:
        margin = max((high / low) ** 0.08, 1.2)
        return Axis(low / margin, high * margin, start, end, log=True)
    margin = max(0.1 * (high - low), 0.002 * abs(high)) or 1.0
    return Axis(low - margin, high + margin, start, end)


def _linear_ticks(low: float, high: float, wanted: int = 6) -> list[float]:
    """At most `wanted` multiples of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / wanted
    power = 10 ** math.floor(math.log10(rough))
    step = next(power * m for m in (1, 2, 5, 10) if power * m >= rough)
    first, last = math.ceil(low / step), math.floor(high / step)
    return [round(i * step, 10) for i in range(first, last + 1)]


def _log_ticks(low: float, high: float, wanted: int = 4) -> list[float]:
    """Powers of ten, then finer mantissas until `wanted` ticks lie in the range; even steps where it is narrow."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for mantissas in MANTISSAS:
        ticks = [float(f"{m * 10.0**p:.3g}") for p in powers for m in mantissas if low <= m * 10.0**p <= high]
        if len(ticks) >= wanted:
            return ticks
    return _linear_ticks(low, high)
