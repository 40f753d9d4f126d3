"""What a training step of each method costs beside that of plain training: multiply-adds, memory, time.

docs/methods.yaml says on which network. The step is the first of a run: a method that changes its network later (by
pruning, say) costs less from then on.
"""

import functools
import statistics
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import torch
from ruamel.yaml import YAML

from cheapconv import catalog
from cheapconv.engine.measure.activations import Storages
from cheapconv.engine.plan.resolve import resolve
from cheapconv.engine.train.compute import operations
from cheapconv.engine.train.rehearsal import RehearsalBuilder
from cheapconv.methods.base import Method
from cheapconv.models.build import on_device, standard_conv
from cheapconv.suites.base import Batch

SETTINGS = Path(__file__).with_name("methods.yaml")
TIMED_STEPS = 5


@dataclass(frozen=True)
class StepPage:
    """What docs/methods.yaml asks for: the step that is measured, and what the page says of each method."""

    architecture: str
    conv: str
    teacher: str  # architecture of the teacher, with standard convolutions
    suite: str  # whose images and classes are assumed
    batch: int
    reference: str  # the method whose step costs 1
    use: dict[str, str]  # when to use a method
    convs: dict[str, str]  # for methods that do not take the conv

    def of(self, name: str) -> Self:
        """The step that is measured for a method and for the reference beside it."""
        return replace(self, conv=self.convs.get(name, self.conv))


@functools.cache
def step_page(path: Path = SETTINGS) -> StepPage:
    """What docs/methods.yaml asks for."""
    return StepPage(**YAML(typ="safe").load(path))


def builder(name: str, table: StepPage) -> RehearsalBuilder:
    """What the method is built from: an untrained teacher costs what a trained one does."""
    suite = catalog.parse("suite", table.suite)
    cell = resolve(
        suite=suite,
        recipe=next(iter(suite.recipes.values())),
        architecture=table.architecture,
        conv=table.conv,
        method=name,
        settings={},
        seed=0,
        teacher=None,
    )
    return RehearsalBuilder(cell, (table.teacher, standard_conv().registered_name), torch.device("cpu"))


def build(name: str, table: StepPage) -> Method:
    """The method of that name, ready for a step."""
    torch.manual_seed(0)
    entry = catalog.entry("method", name)
    return on_device(entry.cls(builder(name, table), entry.config()), torch.device("cpu")).train()


def costs(name: str, table: StepPage) -> dict[str, float]:
    """Executed multiply-adds, and peak bytes of what is allocated, in one step."""
    method, batch = build(name, table), make_batch(name, table)
    with operations() as counted:
        step(method, batch)
    with Storages() as storages:
        step(method, batch)
    return {"macs": counted.get_total_flops() / 2, "bytes": storages.peak}


def seconds(name: str, table: StepPage) -> float:
    """Median duration of a step."""
    method, batch = build(name, table), make_batch(name, table)
    step(method, batch)
    times = []
    for _ in range(TIMED_STEPS):
        begun = time.perf_counter()
        step(method, batch)
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def step(method: Method, batch: Any) -> None:
    """Forward and backward passes of all updates on a batch, without the optimiser."""
    for update in range(method.updates_per_batch):
        method.zero_grad(set_to_none=True)
        torch.stack([*method.losses(batch, update).values()]).sum().backward()
        method.after_update()


def make_batch(name: str, table: StepPage) -> Batch:
    """Random images in as many views as the method asks for."""
    suite, views = catalog.parse("suite", table.suite), build(name, table).views
    x = torch.rand(table.batch, *suite.image, generator=torch.Generator().manual_seed(0))
    x = x.contiguous(memory_format=torch.channels_last)
    index = torch.arange(table.batch)
    return Batch(x, index % suite.classes, index, (x,) * views)
