"""The networks of an entry: every architecture with every conv, a budget met, those that cannot be built refused."""

import itertools
from dataclasses import dataclass

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.engine.plan.budget import Limit, meet
from cheapconv.engine.read.registry import Entry
from cheapconv.engine.store.records import SkippedCell
from cheapconv.models.meta import on_meta
from cheapconv.suites.base import Suite


@dataclass(frozen=True)
class Refusal:
    """A combination of a grid that cannot be: the row that says why, and the error where the whole grid cannot be."""

    skipped: SkippedCell
    error: UserError


def networks(entry: Entry, suite: Suite) -> tuple[list[tuple[str, str]], list[Refusal]]:
    """Architecture and conv of every network of an entry, and the pairs that are none."""
    pairs, refused = [], []
    for architecture, (position, conv) in itertools.product(entry.architecture, enumerate(entry.conv)):
        try:
            pairs.append(_possible(entry, architecture, conv, suite))
        except (UserError, ValueError) as error:
            reason = str(error).rstrip(".")
            sentence = reason if isinstance(error, UserError) else f"{conv} does not fit {architecture}: {reason}"
            methods = ", ".join(choice.name for choice in entry.method)
            skipped = SkippedCell(
                architecture=architecture, conv=conv, method=methods, entry=entry.name, reason=sentence
            )
            refused.append(Refusal(skipped, entry.error(f"{sentence}.", "conv", position)))
    return pairs, refused


def _possible(entry: Entry, architecture: str, conv: str, suite: Suite) -> tuple[str, str]:
    """The two, with a budget met, after the network was built once: on the meta device, without memory or time."""
    if entry.budget is not None:
        limit = Limit(entry.budget.quantity, entry.budget.limit)
        chosen = meet(architecture, conv, limit, suite.classes, suite.image).chosen
        architecture, conv = chosen.architecture, chosen.conv
    network, operator = catalog.parse("architecture", architecture), catalog.parse("conv", conv)
    with on_meta():
        network.build(operator, suite.classes)
    return architecture, conv
