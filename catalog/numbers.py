"""The numbers that parameters are made of, each with its bounds in its type, which the catalog checks and lists."""

import reprlib
from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Gt, Le, Lt
from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

SHOWN = (0, 1, 2, 5)  # which members of a progression an error names


@dataclass(frozen=True)
class Progression:
    """Bound of an integer that must be `first`, or `first` plus a multiple of `step`."""

    step: int
    first: int

    def __str__(self) -> str:
        rest = self.first - self.step
        some = ", ".join(str(self.first + i * self.step) for i in SHOWN)
        return f"{self.step}n {'-' if rest < 0 else '+'} {abs(rest)} ({some}, ...)"

    def check(self, value: int) -> int:
        """`value`, if it is a member; else a ValueError that names some."""
        if value < self.first or (value - self.first) % self.step:
            raise ValueError(f"must be {self}, not {reprlib.repr(value)}")
        return value

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))


Weight = Annotated[float, Ge(0), Le(1e9)]  # of a loss term
Temperature = Annotated[float, Gt(0), Le(1e6)]  # logits are divided by it
Rate = Annotated[float, Gt(0), Le(1e6)]  # of learning
Share = Annotated[float, Ge(0), Le(1)]
SomeShare = Annotated[float, Gt(0), Le(1)]  # a share that leaves something
ProperShare = Annotated[float, Gt(0), Lt(1)]  # a share that leaves something for the rest
Count = Annotated[int, Ge(1), Le(65536)]
Few = Annotated[int, Ge(1), Le(64)]  # of what is built or trained side by side
Several = Annotated[int, Ge(2), Le(64)]
Size = Annotated[int, Ge(1), Le(10**15)]  # of a network, in parameters or multiply-adds
Width = Annotated[int, Ge(1), Le(4096)]  # of a layer, or what widths are multiplied by
Ratio = Annotated[int, Ge(2), Le(4096)]  # by which a width is divided
Position = Annotated[int, Ge(0), Le(65536)]  # in a list, from 0
Odd = Annotated[int, Progression(2, first=1), Le(63)]
Window = Annotated[int, Progression(2, first=3), Le(63)]  # side of a kernel that looks at neighbours and has a middle
