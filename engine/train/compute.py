"""The multiply-adds of a step of training, counted operation by operation.

What a method does with a batch counts, whatever it is called: forward and backward passes of all that it trains, its
teacher's passes, regressors and connectors, products between samples. As in a network's size only convolutions, linear
layers and matrix products do. Counted on the CPU on the library's layers, with fresh weights and noise for images,
which changes none of it; so the number is true of every machine.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch.utils.flop_counter import FlopCounterMode

from cheapconv import catalog
from cheapconv.engine.store.cell import Cell, recipe_of
from cheapconv.engine.store.compute import Compute
from cheapconv.engine.train.bill import Bill
from cheapconv.engine.train.probe import Noise, UntaughtBuilder
from cheapconv.engine.train.teachers import Teachers
from cheapconv.methods.base import Method
from cheapconv.suites.base import Batch
from cheapconv.suites.place import Place, Randomness, seed_of

CPU = torch.device("cpu")
PIXELS = 2**20  # of the batch that is counted: of a larger one a part is, and so are fewer pairs of its samples
LEAST = 2  # images of a batch: there are no statistics of one
SAMPLES = 4096  # of a training set whose size is not known


def compute(cell: Cell, teacher: Cell | None) -> Compute | None:
    """What a step of the cell's training computes; None where that is not all: of a method with work at the ends of
    epochs, with several phases or with something to do before the first one.

    Whatever a method or a network raises goes on.
    """
    entry, suite, recipe = catalog.entry("method", cell.method), catalog.parse("suite", cell.suite), recipe_of(cell)
    if not entry.cls.trains:
        return Compute(macs=0, images=1)
    place, teachers = Place(CPU, torch.get_num_threads()), Teachers(CPU)
    images = max(LEAST, min(recipe.batch, PIXELS // math.prod(suite.image[1:])))
    samples = (suite.train_samples or SAMPLES) - (recipe.validation or 0)
    noise = Noise(suite, place, max(images, samples), {})
    with place.in_use(Randomness(CPU, seed_of("method", cell.seed))):
        # Without `to_train_on`: kernels of this project's own are none of torch's operations.
        builder = UntaughtBuilder(cell, teacher, place, noise, teachers)
        method = entry.cls(builder, catalog.build("method", cell.method, cell.method_config)).train()
        if not is_all_steps(method):
            return None
        # The first step is not counted: what a teacher is asked in it decides how it is asked in all others.
        sizes = LEAST, images
        batches = (next(noise.train(replace(recipe, batch=size), 0, 0, views=method.views)) for size in sizes)
        _, macs = (_macs(method, batch, teachers) for batch in batches)
    return Compute(macs=macs, images=images)


def is_all_steps(method: Method) -> bool:
    """Whether a method's steps are alike, and all that it does."""
    kind, phases = type(method), method.phases()
    ends = kind.end_epoch is Method.end_epoch and kind.finish is Method.finish
    return ends and len(phases) == 1 and phases[0].begin is None


def _macs(method: Method, batch: Batch, teachers: Teachers) -> int:
    """Multiply-adds of all updates on a batch."""
    teachers.passes.look_at(batch, Bill(CPU))
    with operations() as counted:
        for update in range(method.updates_per_batch):
            terms = method(batch, update)
            torch.stack([*terms.values()]).sum().backward()
    return counted.get_total_flops() // 2


def operations() -> FlopCounterMode:
    """Counts what is done within it, two operations a multiply-add."""
    return FlopCounterMode(display=False, custom_mapping={torch.ops.aten.convolution_backward: _backward})


Shape = Sequence[int]


def _backward(grad: Shape, x: Shape, weight: Shape, *convolution: object, **_: object) -> int:
    """FLOPs of aten.convolution_backward: the gradients of input and weight, where they are asked for, cost as much as
    the convolution each. torch's own rule takes the weight's for one without groups."""
    transposed, asked = convolution[4], convolution[7]
    assert isinstance(asked, Sequence), "three truths: of input, weight and bias"
    positions = (x if transposed else grad)[2:]  # where the whole kernel is applied
    return 2 * x[0] * math.prod(weight) * math.prod(positions) * (bool(asked[0]) + bool(asked[1]))
