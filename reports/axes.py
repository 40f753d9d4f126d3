"""Axes of the pictures: where a number lies in a panel, and at which round numbers the ticks stand."""

import dataclasses
import itertools
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
        """Pixel and text of each tick.

        On a log axis powers of ten, then finer mantissas until four ticks lie in the range; even steps elsewhere, and
        where that is too narrow for them.
        """
        values: list[float] = []
        for mantissas in MANTISSAS if self.log else ():
            if len(values) < 4:
                powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
                numbers = [m * 10.0**p for p, m in itertools.product(powers, mantissas)]
                values = [float(f"{v:.3g}") for v in numbers if self.low <= v <= self.high]
        if len(values) < 4:
            values = even_steps(self.low, self.high)
        return [(self.place(value), f"{value:g}") for value in values]


def around(values: Sequence[float], start: float, end: float, log: bool = False) -> Axis:
    """An axis that holds `values` with a margin of a tenth of their span, more where they hardly differ."""
    low, high = min(values), max(values)
    if log:
        margin = max((high / low) ** 0.08, 1.2)
        return Axis(low / margin, high * margin, start, end, log=True)
    margin = max(0.1 * (high - low), 0.002 * abs(high)) or 1.0
    return Axis(low - margin, high + margin, start, end)


def even_steps(low: float, high: float, most: int = 6) -> list[float]:
    """At most `most` multiples of 1, 2 or 5 times a power of ten, all between `low` and `high`."""
    rough = (high - low) / most
    power = 10 ** math.floor(math.log10(rough))
    step = next(power * m for m in (1, 2, 5, 10) if power * m >= rough)
    first, last = math.ceil(low / step), math.floor(high / step)
    return [round(i * step, 10) for i in range(first, last + 1)]
