"""The networks of an entry: every architecture with every conv, a budget met, those that cannot be built refused."""

import itertools
from dataclasses import dataclass
from typing import Self

from cheapconv.catalog.errors import UserError
from cheapconv.catalog.foreign import explained
from cheapconv.engine.plan.budget import Limit, meet
from cheapconv.engine.read.registry import Entry
from cheapconv.engine.store.plans import SkippedCell
from cheapconv.models.build import build_network
from cheapconv.models.meta import on_meta
from cheapconv.suites.base import Suite


@dataclass(frozen=True)
class Refusal:
    """A combination of a grid that cannot be: the row that says why, and the error where the whole grid cannot be."""

    skipped: SkippedCell
    error: UserError

    @classmethod
    def of(cls, entry: Entry, cell: tuple[str, str, str], reason: str, *path: str | int) -> Self:
        """Of architecture, conv and method; `path` leads from the entry to the culprit in the registry."""
        architecture, conv, method = cell
        skipped = SkippedCell(architecture=architecture, conv=conv, method=method, entry=entry.name, reason=reason)
        return cls(skipped, entry.error(f"{reason}.", *path))


def networks(entry: Entry, suite: Suite) -> tuple[list[tuple[str, str]], list[Refusal]]:
    """Architecture and conv of every network of an entry, a budget met, and the pairs that are none.

    Every network is built once: on the meta device, without memory or time.
    """
    pairs: list[tuple[str, str]] = []
    refused: list[Refusal] = []
    for architecture, (position, conv) in itertools.product(entry.architecture, enumerate(entry.conv)):
        pair = architecture, conv
        try:
            with explained(ValueError):
                if entry.budget is not None:
                    limit = Limit(entry.budget.quantity, entry.budget.limit)
                    chosen = meet(architecture, conv, limit, suite.classes, suite.image).chosen
                    pair = chosen.architecture, chosen.conv
                with on_meta():
                    network = build_network(*pair, suite.classes)
            given, asked = getattr(network, "answers", "image"), suite.task.answers
            if given != asked:
                wanted = f"{suite.label} asks for one for every {asked}"
                raise UserError(f"{architecture} gives one answer for every {given}, and {wanted}")
            pairs.append(pair)
        except (UserError, ValueError) as error:
            reason = str(error).rstrip(".")
            sentence = reason if isinstance(error, UserError) else f"{conv} does not fit {architecture}: {reason}"
            methods = ", ".join(choice.name for choice in entry.method)
            refused.append(Refusal.of(entry, (architecture, conv, methods), sentence, "conv", position))
    return pairs, refused
