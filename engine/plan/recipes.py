"""The recipes of an entry: that of the sweep, with every combination of the numbers that are set instead of its own."""

import itertools
from collections.abc import Mapping

from cheapconv.engine.read.registry import Entry, Sweep
from cheapconv.suites.base import Suite
from cheapconv.suites.recipe import Recipe

OVERRIDES = (  # an entry sets all but the last three
    *("epochs", "batch", "lr", "weight_decay", "weight_decay_scale", "nesterov", "schedule", "milestones", "drop"),
    *("padding", "cutout", "normalisation", "views", "strong_ops", "strong_magnitude", "mixup", "cutmix"),
    *("smoothing", "ghost_batches", "precision", "validation", "evaluate_every"),
)
LISTS = ("milestones", "views")  # a list of which is one value and no grid


def recipes(entry: Entry, sweep: Sweep, suite: Suite, forced: Mapping[str, object]) -> list[Recipe]:
    """The sweep's, with every combination of the numbers that the command line, else the entry, else the sweep sets."""
    recipe = suite.recipes[sweep.recipe]
    common = {field: getattr(sweep, field) for field in OVERRIDES if getattr(sweep, field) is not None}
    own = {field: getattr(entry, field) for field in OVERRIDES if getattr(entry, field, ())}
    own |= {field: (own[field],) for field in LISTS if field in own}
    grid = [dict(zip(own, values, strict=True)) for values in itertools.product(*own.values())]
    try:
        found = [recipe.override(**{**common, **numbers, **forced}) for numbers in grid]
    except ValueError as error:
        raise entry.error(f"recipe '{recipe.name}': {error}.") from error
    _, *sides = suite.image
    for cutout in {found.augmentation.cutout or 0 for found in found}:
        if cutout > max(sides):
            size = " x ".join(map(str, sides))
            raise entry.error(f"cutout {cutout} is larger than the suite's images of {size}: nothing would be left.")
    held_out, samples = sweep.validation or 0, suite.train_samples
    if samples is not None and held_out >= samples:
        raise entry.error(f"validation holds out {held_out} images of {samples}: leave some to train on.")
    return found
