"""The multiply-adds of a step of training, counted operation by operation.

What a method does with a batch counts, whatever it is called: forward and backward passes of all that it trains, its
teacher's passes, regressors and connectors, products between samples. As in a network's size only convolutions, linear
layers and matrix products do. Counted on the CPU on the library's layers, with fresh weights and noise for images,
which changes none of it; so the number is true of every machine.

Counted are batches of a few images, since what a step computes is a polynomial of their number: of the first degree
what is done with each of them, of the second products between two, of the third those between three (angles).
"""

import math
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

import torch
from torch.utils.flop_counter import FlopCounterMode

from cheapconv import catalog
from cheapconv.engine.store.cell import Cell, recipe_of
from cheapconv.engine.store.compute import StepCount
from cheapconv.engine.train.bill import Bill
from cheapconv.engine.train.probe import FreshTeacherBuilder, Noise, ends_with_its_steps
from cheapconv.engine.train.teachers import Teachers
from cheapconv.methods.base import Method
from cheapconv.suites.base import Batch, Suite
from cheapconv.suites.place import Place, Randomness, seed_of

CPU = torch.device("cpu")
IMAGES = (2, 3, 4, 5)  # of the batches that are counted: one more than the degree, and there are no statistics of one


def count(cell: Cell, teacher: Cell | None, samples: int) -> StepCount | None:
    """What a step of the cell's training on so many samples computes, the mean over epochs where images grow; None
    where it is nothing, or not all: of a method with work at the ends of epochs, with several phases or with something
    to do before the first one, and of what is not trained here.

    Whatever a method or a network raises goes on.
    """
    entry, suite, recipe = catalog.entry("method", cell.method), catalog.parse("suite", cell.suite), recipe_of(cell)
    if not entry.cls.trains or not ends_with_its_steps(entry.cls):
        return None
    place, teachers = Place(CPU, torch.get_num_threads()), Teachers(CPU)
    with place.in_use(Randomness(CPU, seed_of("method", cell.seed))):
        # Without `to_train_on`: kernels of this project's own are none of torch's operations.
        builder = FreshTeacherBuilder(cell, teacher, place, Noise(suite, place, samples, {}), teachers)
        method = entry.cls(builder, catalog.build("method", cell.method, cell.method_config)).train()
        if len(phases := method.phases()) > 1 or phases[0].begin is not None:
            return None
        _, height, width = suite.image
        grown = (recipe.side(height, epoch) for epoch in range(recipe.epochs) if recipe.growth)
        sizes = Counter((side, side) for side in grown) or Counter({(height, width): recipe.epochs})
        # The first step is not counted: what a teacher is asked in it decides how it is asked in all others.
        _macs(method, _noise(suite, IMAGES[0], (height, width), method.views), teachers)
        macs = 0
        for size, epochs in sizes.items():
            counts = [_macs(method, _noise(suite, images, size, method.views), teachers) for images in IMAGES]
            macs += epochs * polynomial(IMAGES, counts, recipe.batch)
    # A loss that no network is in has none, which is no number to keep.
    return StepCount(macs=round(macs / recipe.epochs), images=recipe.batch) if macs else None


def polynomial(at: Sequence[int], values: Sequence[int], x: int) -> int:
    """The value at x of the polynomial through all values, by Lagrange."""
    total = Fraction(0)
    for place, value in zip(at, values, strict=True):
        others = [other for other in at if other != place]
        total += value * Fraction(math.prod(x - o for o in others), math.prod(place - o for o in others))
    return round(total)


def operations() -> FlopCounterMode:
    """Counts what is done within it, two operations a multiply-add."""
    return FlopCounterMode(display=False, custom_mapping={torch.ops.aten.convolution_backward: _backward})


def _macs(method: Method, batch: Batch, teachers: Teachers) -> int:
    """Multiply-adds of all updates on a batch."""
    teachers.passes.look_at(batch, Bill(CPU))
    with operations() as counted:
        for update in range(method.updates_per_batch):
            terms = method(batch, update)
            torch.stack([*terms.values()]).sum().backward()
    return counted.get_total_flops() // 2


def _noise(suite: Suite, images: int, size: tuple[int, int], views: int) -> Batch:
    """A batch of so many images of (height, width), whose views are different tensors."""
    x = torch.randn(images, suite.image[0], *size)
    of_pixels = () if suite.task.answers == "image" else size
    y = torch.randint(suite.classes, (images, *of_pixels))
    return Batch(x, y, torch.arange(images), (x, *(x.clone() for _ in range(views - 1))))


Shape = Sequence[int]


def _backward(grad: Shape, x: Shape, weight: Shape, *convolution: object, **_: object) -> int:
    """FLOPs of aten.convolution_backward: the gradients of input and weight, where they are asked for, cost as much as
    the convolution each. torch's own rule takes the weight's for one without groups."""
    transposed, asked = convolution[4], convolution[7]
    assert isinstance(asked, Sequence), "three truths: of input, weight and bias"
    positions = (x if transposed else grad)[2:]  # where the whole kernel is applied
    return 2 * x[0] * math.prod(weight) * math.prod(positions) * (bool(asked[0]) + bool(asked[1]))
