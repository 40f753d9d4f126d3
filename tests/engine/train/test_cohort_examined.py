"""A cohort's scores: test batches are made once for all, and what goes wrong is nobody else's."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from cheapconv import catalog
from cheapconv.engine.store.runs import Store
from cheapconv.methods.base import Trained
from tests.engine import tiny
from tests.engine.outcomes import assert_same
from tests.engine.tiny import ends
from tests.engine.toys import Noisy

pytestmark = pytest.mark.usefixtures("tiny_world")
EPOCHS = 2


def test_test_batches_are_made_once_for_all(store, monkeypatch):
    made: list[str] = []
    split = tiny.InMemory.split

    def noted(self: Any, name: str, *args: Any) -> Iterator[tuple[Tensor, Tensor]]:
        made.append(name)
        yield from split(self, name, *args)

    monkeypatch.setattr(tiny.InMemory, "split", noted)
    two_views = {"method": {"kdcl": tiny.settings("kdcl")}}
    whole = tiny.planned("scratch", "noisy", two_views, "pruned", epochs=EPOCHS)
    assert ends(store, whole, cohort=None) == ["done"] * 4
    assert made == ["test"] * EPOCHS


class Spoiling(nn.Module):
    """Writes into the images that it is asked about."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x.mul_(0.5))


class Refusing(nn.Module):
    """Answers nothing."""

    def forward(self, x: Tensor) -> Tensor:
        raise RuntimeError("no answer")


class Odd(Noisy):
    """Has another network beside its own."""

    def networks(self) -> list[Trained]:
        """Both."""
        own = super().networks()
        return [*own, Trained("odd", self.odd(own[0].network), headline=False)]

    def odd(self, network: nn.Module) -> nn.Module:
        """The other one."""
        return Spoiling(network)


class Mute(Odd):
    """One of its networks answers nothing."""

    def odd(self, network: nn.Module) -> nn.Module:
        return Refusing()


def test_what_a_network_writes_into_its_images_spoils_nobody_elses(store):
    catalog.register("method", "spoiling")(Odd)
    whole, together = tiny.planned("spoiling", "noisy", epochs=EPOCHS), Store(store.root.parent / "together")
    assert ends(store, whole) == ends(together, whole, cohort=None) == ["done"] * 2
    for planned in whole.cells:
        assert_same(together, store, planned.cell.key)


def test_one_that_cannot_answer_leaves_and_the_others_keep_their_bits(store):
    catalog.register("method", "mute")(Mute)
    whole, together = tiny.planned("noisy", "mute", "scratch", epochs=EPOCHS), Store(store.root.parent / "together")
    assert ends(store, whole) == ends(together, whole, cohort=None) == ["done", "failed", "done"]
    for planned in (whole.cells[0], whole.cells[2]):
        assert_same(together, store, planned.cell.key)


def test_test_images_that_cannot_be_read_fail_all(store, monkeypatch):
    def broken(self: Any, name: str, *args: Any) -> Iterator[tuple[Tensor, Tensor]]:
        yield torch.zeros(2, 3, 8, 8), torch.zeros(2, dtype=torch.long)
        raise RuntimeError("images.tar ends in mid-image")

    monkeypatch.setattr(tiny.InMemory, "split", broken)
    whole = tiny.planned("noisy", "scratch", epochs=EPOCHS)
    assert ends(store, whole, cohort=None) == ["failed"] * 2
    for planned in whole.cells:
        assert "ends in mid-image" in store.run(planned.cell.key).state().error


def test_those_whose_test_images_find_no_memory_side_by_side_go_on_alone(store, monkeypatch, caplog):
    asked, split = list[str](), tiny.InMemory.split

    def greedy(self: Any, name: str, *args: Any) -> Iterator[tuple[Tensor, Tensor]]:
        asked.append(name)
        if len(asked) == 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        yield from split(self, name, *args)

    monkeypatch.setattr(tiny.InMemory, "split", greedy)
    assert ends(store, tiny.planned("noisy", "scratch", epochs=EPOCHS), cohort=None) == ["done"] * 2
    assert caplog.text.count("had too little memory beside others, and goes on alone") == 2


def test_one_whose_test_images_find_no_memory_alone_fails(store, monkeypatch):
    def greedy(*args: Any) -> Iterator[tuple[Tensor, Tensor]]:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(tiny.InMemory, "split", greedy)
    assert ends(store, tiny.planned("noisy", "scratch", epochs=EPOCHS), cohort=None) == ["failed"] * 2
