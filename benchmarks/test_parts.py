"""What a step is made of beside its student, ours and that of the loop that everybody writes, on all cores: a batch of
128 of CIFAR's shape, a teacher's look at it (WRN-40-2), and the scores of WRN-16-2 on 1,000 images.

    python -m pytest benchmarks/test_parts.py --benchmark-only
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader

from benchmarks import textbook
from benchmarks.steps import BATCH, STUDENT, SUITE, TEACHER
from cheapconv import catalog
from cheapconv.engine.run import heap
from cheapconv.engine.train.evaluate import Examination, samples
from cheapconv.engine.train.teachers import Frozen
from cheapconv.methods.base import Method, Trained
from cheapconv.models.build import build_network
from cheapconv.suites.place import Place, cores
from tests.engine import toys

ROUNDS = 15
RECIPE = SUITE.recipes["short"]


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    """As many as there are cores."""
    catalog.load()
    heap.large_pages()
    heap.keep()
    before = torch.get_num_threads()
    torch.set_num_threads(cores())
    yield
    torch.set_num_threads(before)


class One(Method):
    """A network to be scored."""

    def __init__(self) -> None:
        super().__init__(toys.builder(), None)
        self.network = build_network(STUDENT, "standard", 10).to(memory_format=torch.channels_last)

    def networks(self) -> list[Trained]:
        """It."""
        return [Trained("one", self.network)]


def time_one(ways: Mapping[str, Callable[[], object]], benchmark: Any, way: str, rounds: int = ROUNDS) -> None:
    """Time one of them."""
    benchmark.pedantic(ways[way], rounds=rounds, warmup_rounds=2)


@pytest.mark.benchmark(group="a batch of 128")
@pytest.mark.parametrize("way", ["textbook", "ours"])
def test_data(benchmark: Any, way: str) -> None:
    data = SUITE.load()
    images = data.train_x.permute(0, 2, 3, 1).contiguous().numpy()
    own = textbook.Photographs(images, data.train_y.tolist(), textbook.to_train())
    loader = iter(DataLoader(own, BATCH, shuffle=True, num_workers=textbook.WORKERS))
    batches = data.train(RECIPE, 0, 0, 0, 1)
    time_one({"textbook": lambda: next(loader), "ours": lambda: next(batches)}, benchmark, way)


@pytest.mark.benchmark(group="a teacher's look at a batch of 128")
@pytest.mark.parametrize("way", ["textbook", "ours"])
def test_teacher(benchmark: Any, way: str) -> None:
    network, x = build_network(TEACHER, "standard", 10).eval().requires_grad_(False), torch.randn(BATCH, 3, 32, 32)
    if way == "textbook":
        teacher: Callable[[torch.Tensor], torch.Tensor] = network
    else:
        teacher, x = Frozen(network.to(memory_format=torch.channels_last)), x.to(memory_format=torch.channels_last)
    with torch.no_grad():
        time_one({way: lambda: teacher(x)}, benchmark, way)


@pytest.mark.benchmark(group="scores on 1,000 images")
@pytest.mark.parametrize("way", ["textbook", "ours"])
def test_evaluation(benchmark: Any, way: str) -> None:
    data, method = SUITE.load(), One()
    images, task = data.test_x.permute(0, 2, 3, 1).contiguous().numpy(), SUITE.task_of(data)
    plain = build_network(STUDENT, "standard", 10)

    def ours() -> None:
        examination = Examination(method, RECIPE, task, Place(torch.device("cpu")))
        for split, x, y in samples(data, RECIPE):
            examination.answer(split, x, y)
        examination.end()

    ways = {"textbook": lambda: textbook.top1(plain, images, data.test_y.tolist()), "ours": ours}
    time_one(ways, benchmark, way, rounds=5)
