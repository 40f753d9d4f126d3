"""The numbers that settings are made of, each with its bounds in its type, which the catalog checks and lists."""

from typing import Annotated

from annotated_types import Ge, Gt, Le, Lt

Weight = Annotated[float, Ge(0)]  # of a loss term
Temperature = Annotated[float, Gt(0)]  # logits are divided by it
Rate = Annotated[float, Gt(0)]  # of learning
Share = Annotated[float, Ge(0), Le(1)]
ProperShare = Annotated[float, Gt(0), Lt(1)]  # a share that leaves something for the rest
Count = Annotated[int, Ge(1)]
Several = Annotated[int, Ge(2)]
Position = Annotated[int, Ge(0)]  # in a list, from 0
