"""The names that the released codes of papers give to the entries of a state dict, as names of our networks.

A family says in a table what each module is called there and here. `{n}` stands for the number of a stage that counts
from 1, `{b}` for that of a block from 0, and `{i}` for the number of a stage that counts from 0. The first row that
fits decides.
"""

import re
from collections.abc import Mapping

from torch import Tensor

Renames = Mapping[str, str]  # "layer{n}.{b}.conv1" to "stage_modules.{i}.{b}.path.0"


def own_names(weights: Mapping[str, Tensor], renames: Renames) -> Mapping[str, Tensor]:
    """The weights by the names of our network if all of them are released ones; else as they are."""
    patterns = {re.sub(r"\\{(\w)\\}", r"(?P<\1>\\d+)", re.escape(theirs)): ours for theirs, ours in renames.items()}
    rows = [(re.compile(pattern), ours) for pattern, ours in patterns.items()]
    found: dict[str, Tensor] = {}
    for name, tensor in weights.items():
        module, _, entry = name.rpartition(".")
        match, ours = next(((fit, ours) for row, ours in rows if (fit := row.fullmatch(module))), (None, ""))
        if match is None:
            return weights
        numbers = {key: int(value) for key, value in match.groupdict().items()}
        found[f"{ours.format(**numbers, i=numbers.get('n', 0) - 1)}.{entry}"] = tensor
    return found
