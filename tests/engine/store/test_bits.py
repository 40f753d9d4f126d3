"""What counts as the same bits."""

from pathlib import Path

import pytest
import torch

from cheapconv.engine.store.archive import packed
from cheapconv.engine.store.bits import same_bits, same_content
from cheapconv.engine.store.machines import same_training
from cheapconv.engine.store.runs import Store
from tests.engine.meeting import trained


@pytest.fixture
def stores(tmp_path: Path) -> tuple[Store, Store]:
    return Store(tmp_path / "a"), Store(tmp_path / "b")


def test_times_and_machines_do_not_count(stores):
    one, other = trained(stores[0], "k", "A CPU"), trained(stores[1], "k", "Another CPU")
    assert one.result().train_s != other.result().train_s
    assert same_bits(one, other)
    assert not same_training(one, other)


def test_a_weight_counts(stores):
    assert not same_bits(trained(stores[0], "k"), trained(stores[1], "k", weight=0.5000001))


def test_a_score_counts(stores):
    assert not same_bits(trained(stores[0], "k"), trained(stores[1], "k", top1=0.6001))


def test_a_loss_on_the_way_counts(stores):
    one, other = trained(stores[0], "k"), trained(stores[1], "k")
    lines = (other.folder / "curve.jsonl").read_text()
    (other.folder / "curve.jsonl").write_text(lines.replace('"loss": 2.0', '"loss": 2.0000001', 1))
    other.finish(other.result())
    assert not same_bits(one, other)


def test_the_same_tensors_in_another_file_are_the_same(stores):
    one, other = trained(stores[0], "k"), trained(stores[1], "k")
    for name in ("student_0", "student_1"):
        body = {"weights": {"w": torch.tensor([9.0, 0.5, 0.0])[1:]}}  # a part of a larger storage: another file
        (other.folder / "networks" / f"{name}.pt").write_bytes(packed(body))
    other.finish(other.result())
    assert one.result().files["networks/student_0.pt"] != other.result().files["networks/student_0.pt"]
    assert same_bits(one, other)


def test_of_networks_that_are_gone_the_numbers_decide(stores):
    one, other = trained(stores[0], "k"), trained(stores[1], "k", weight=0.7)
    for name in ("student_0", "student_1"):
        (other.folder / "networks" / f"{name}.pt").unlink()
    assert same_bits(one, other)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (torch.tensor([0.0]), torch.tensor([-0.0]), False),
        (torch.tensor(float("nan")), torch.tensor(float("nan")), True),
        (torch.tensor([1]), torch.tensor([1.0]), False),
        (torch.tensor([True]), torch.tensor([True]), True),
        (torch.zeros(2, 1), torch.zeros(1, 2), False),
        ({"a": (1, 2)}, {"a": [1, 2]}, True),  # a reader cannot tell them apart either
        ({"a": 1}, {"a": 1, "b": 2}, False),
        (1, True, False),
    ],
)
def test_content(one, other, same):
    assert same_content(one, other) is same
