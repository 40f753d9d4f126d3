"""Contrast with a memory: scores, negatives, what is remembered and when."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from cheapconv.methods.crd import Memory, contrast_loss, draw_once, draw_repeatedly
from cheapconv.methods.parts.offline import look
from tests.methods.known import known_method
from tests.methods.world import World, batch, data

ROWS = [[0.9, 0.1, 0.2, 0.05, 0.3], [0.5, 0.4, 0.1, 0.2, 0.15]]
SCORES = 1e-4 * torch.tensor(ROWS, dtype=torch.float64)  # column 0 is the positive one


def test_the_loss_is_a_fixed_number_and_a_plain_sum() -> None:
    found = contrast_loss(SCORES, samples=50000).item()
    assert found == pytest.approx(1.61964681, abs=6e-9)
    noise, eps, log = 4 / 50000, 1e-7, 0.0
    for positive, *negatives in SCORES.tolist():
        log += math.log(positive / (positive + noise + eps))
        log += sum(math.log(noise / (n + noise + eps)) for n in negatives)
    assert found == pytest.approx(-log / 2)


def test_it_falls_with_the_positive_and_rises_with_the_negatives() -> None:
    scores = SCORES.clone().requires_grad_()
    contrast_loss(scores, samples=50000).backward()
    assert scores.grad is not None
    assert (scores.grad[:, 0] < 0).all()
    assert (scores.grad[:, 1:] > 0).all()


def test_a_score_is_that_of_the_remembered_vector() -> None:
    memory, anchors = Memory(6, 4), torch.randn(2, 4)
    memory.vectors.copy_(torch.randn(6, 4))
    candidates = torch.tensor([[0, 3, 5], [2, 2, 1]])
    raw = torch.tensor([[float(anchors[b] @ memory.vectors[i]) for i in row] for b, row in enumerate(candidates)])
    expected = (raw / 0.07).exp()
    torch.testing.assert_close(memory.score(anchors, candidates, 0.07), expected / (expected.mean() * 6))


def test_the_first_batch_sets_the_constant_for_good() -> None:
    memory, candidates = Memory(6, 4), torch.tensor([[0, 3, 5]])
    first = memory.score(torch.ones(1, 4), candidates, 0.07)
    assert first.mean().item() == pytest.approx(1 / 6)
    z = memory.z.clone()
    memory.score(torch.ones(1, 4) / 2, candidates, 0.07)
    assert torch.equal(memory.z, z)
    assert "z" in memory.state_dict()


def test_a_fresh_memory_is_uniform_and_a_later_one_of_unit_vectors() -> None:
    memory = Memory(1000, 128)
    bound = 1 / math.sqrt(128 / 3)
    assert 0.99 * bound < memory.vectors.max() <= bound
    assert -bound <= memory.vectors.min() < -0.99 * bound
    old, new = memory.vectors.clone(), torch.nn.functional.normalize(torch.randn(2, 128), dim=1)
    memory.remember(torch.tensor([7, 3]), new, 0.25)
    mixed = 0.25 * old[[7, 3]] + 0.75 * new
    torch.testing.assert_close(memory.vectors[[7, 3]], mixed / mixed.norm(dim=1, keepdim=True))
    old[[7, 3]] = memory.vectors[[7, 3]]
    assert torch.equal(memory.vectors, old)


def candidates_of(world: World, negatives: int) -> tuple[Tensor, Tensor]:
    """(B, 1 + K) candidates of a batch, and the labels of the training set."""
    method = world.method("crd", negatives=negatives)
    torch.manual_seed(0)
    return method._candidates(batch().index, batch().y), data().train_y


@pytest.mark.parametrize("negatives", [5, 21, 22, 500])
def test_negatives_are_of_other_classes(world: World, negatives: int) -> None:
    candidates, labels = candidates_of(world, negatives)
    assert candidates.shape == (8, 1 + negatives)
    assert torch.equal(candidates[:, 0], batch().index)
    assert (labels[candidates[:, 1:]] != batch().y[:, None]).all()


def test_negatives_repeat_only_where_there_are_too_few(world: World) -> None:
    candidates, labels = candidates_of(world, 21)  # 24 samples, at most 3 of one class
    assert labels.bincount().max() == 3
    assert all(len(row.unique()) == 22 for row in candidates)
    assert all(len(row.unique()) <= 23 for row in candidates_of(world, 500)[0])


@pytest.mark.parametrize("draw", [draw_once, draw_repeatedly])
def test_all_that_are_allowed_are_drawn_alike(draw: Callable[[Tensor, int], Tensor]) -> None:
    torch.manual_seed(0)
    allowed = (torch.arange(24) % 10 != 3).expand(4000, 24)
    counts = draw(allowed, 5).flatten().bincount(minlength=24)
    assert (counts[~allowed[0]] == 0).all()
    expected = 4000 * 5 / 22  # each of 22 as often, within five standard deviations
    assert (counts[allowed[0]] - expected).abs().max() < 5 * math.sqrt(expected)


def test_student_and_teacher_are_contrasted_with_each_other_s_memory(world: World) -> None:
    method = world.method("crd", negatives=5, weight=1.0)
    torch.manual_seed(0)
    found = method.losses(batch())["crd"]
    torch.manual_seed(0)
    candidates = method._candidates(batch().index, batch().y)
    z = method.teacher_memory.z, method.student_memory.z
    embeddings = [
        torch.nn.functional.normalize(embed(look(network, batch().x).embedding), dim=1)
        for embed, network in [
            (method.student_embedding, method.student),
            (method.teacher_embedding, method.teacher),
        ]
    ]
    memories = method.teacher_memory.vectors, method.student_memory.vectors
    expected = torch.zeros(())
    for vectors, memory, constant in zip(embeddings, memories, z, strict=True):
        scores = (torch.einsum("bd,bkd->bk", vectors, memory[candidates]) / 0.07).exp() / constant
        expected = expected + contrast_loss(scores, samples=24)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_memories_are_updated_after_the_step_with_what_it_has_seen(world: World) -> None:
    method = world.method("crd", negatives=5)
    before = method.student_memory.vectors.clone()
    sum(method.losses(batch()).values()).backward()
    assert torch.equal(method.student_memory.vectors, before)
    method.after_update()
    changed = (method.student_memory.vectors != before).any(dim=1).nonzero().flatten()
    assert set(changed.tolist()) == set(batch().index.tolist())
    moved = method.student_memory.vectors[changed]
    torch.testing.assert_close(moved.norm(dim=1), torch.ones(len(changed)))


def test_memories_are_in_the_checkpoint_and_not_trained(world: World) -> None:
    method = world.method("crd", dimensions=16)
    shapes = {key: tuple(value.shape) for key, value in method.state_dict().items() if "memory" in key}
    memories = ("student_memory", "teacher_memory")
    assert shapes == {f"{m}.vectors": (24, 16) for m in memories} | {f"{m}.z": () for m in memories}
    assert not any("memory" in name for name, _ in method.named_parameters())
    assert "labels" not in method.state_dict()


def test_every_other_sample_may_be_a_negative() -> None:
    assert not known_method("crd", negatives=3)._repeat  # four samples of four classes
    assert known_method("crd", negatives=4)._repeat
