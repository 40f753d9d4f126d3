"""Segmentation: mean IoU from one confusion matrix, its error over frames, the weighted loss."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torchmetrics import JaccardIndex

from cheapconv.suites.segmentation import Segmentation, erfnet_weights

VOID = 7
TASK = Segmentation(3, VOID)


def answering(answers: list[list[list[int]]], outputs: int = 3) -> Tensor:
    """Logits (B, outputs, H, W) whose largest is the answer (B, H, W)."""
    hot = torch.nn.functional.one_hot(torch.tensor(answers), outputs)
    return hot.permute(0, 3, 1, 2).float()


def random(frames: int = 6, classes: int = 3, outputs: int = 3, side: int = 5) -> tuple[Tensor, Tensor]:
    """Logits and labels that agree more often than not, some of them void."""
    generator = torch.Generator().manual_seed(2)
    y = torch.randint(classes + 1, (frames, side, side), generator=generator)
    z = torch.randn(frames, outputs, side, side, generator=generator)
    z += 2 * torch.nn.functional.one_hot(y.clamp(max=outputs - 1), outputs).permute(0, 3, 1, 2)
    return z, y.where(y < classes, VOID)


def counted(answers: np.ndarray, y: np.ndarray, classes: int) -> float:
    """Mean IoU by sets of pixels, class by class."""
    found = []
    for c in range(classes):
        truth, answer = y == c, (answers == c) & (y != VOID)
        if (truth | answer).any():
            found.append((truth & answer).sum() / (truth | answer).sum())
    return float(np.mean(found))


def test_mean_iou_by_hand_with_an_absent_class():
    """Class 0: 2 of 4 pixels; class 1: 3 of 5. Class 2 is nowhere and left out. The void pixel counts nowhere."""
    y = [[[0, 0, 0, VOID], [1, 1, 1, 1]]]
    answers = [[[0, 0, 1, 2], [1, 1, 1, 0]]]
    tally = TASK.tally(answering(answers), torch.tensor(y))
    assert TASK.matrix(tally).tolist() == [[2, 1, 0], [1, 3, 0], [0, 0, 0]]
    assert TASK.scores(tally) == {"miou": pytest.approx((2 / 4 + 3 / 5) / 2), "pixel_accuracy": pytest.approx(5 / 7)}


def test_a_class_that_is_only_answered_has_none():
    tally = TASK.tally(answering([[[0, 2]]]), torch.tensor([[[0, 0]]]))
    assert TASK.scores(tally)["miou"] == pytest.approx((1 / 2 + 0) / 2)


def test_an_output_for_void_is_never_right():
    """One of four outputs is no class: what is taken for it is missed, and counts for no class."""
    tally = TASK.tally(answering([[[0, 3, 3]]], outputs=4), torch.tensor([[[0, 0, VOID]]]))
    assert TASK.matrix(tally).tolist() == [[1, 0, 0, 1], [0] * 4, [0] * 4]
    assert TASK.scores(tally)["miou"] == 0.5


@pytest.mark.parametrize(("classes", "outputs"), [(3, 3), (3, 4), (5, 5)])
def test_an_independent_count_agrees(classes: int, outputs: int):
    z, y = random(classes=classes, outputs=outputs)
    task = Segmentation(classes, VOID)
    assert task.scores(task.tally(z, y))["miou"] == pytest.approx(counted(z.argmax(1).numpy(), y.numpy(), classes))


@pytest.mark.parametrize("absent", [None, 1], ids=["all classes", "a class is nowhere"])
def test_torchmetrics_agrees(absent: int | None):
    z, y = random()
    if absent is not None:
        z[:, absent], y = -10, y.where(y != absent, 0)
    theirs = JaccardIndex(task="multiclass", num_classes=3, ignore_index=VOID)
    assert TASK.scores(TASK.tally(z, y))["miou"] == pytest.approx(theirs(z.argmax(1), y).item())


def test_tallies_add_up_over_batches():
    z, y = random()
    parts = sum(TASK.tally(a, b) for a, b in zip(z.split(4), y.split(4), strict=True))
    assert torch.equal(parts, TASK.tally(z, y))
    whole = TASK.scores(parts)
    assert whole == pytest.approx(TASK.scores(TASK.tally(z, y)))
    mean_of_frames = np.mean(
        [TASK.scores(TASK.tally(a, b))["miou"] for a, b in zip(z.split(1), y.split(1), strict=True)]
    )
    assert whole["miou"] != pytest.approx(mean_of_frames)


def test_the_error_is_that_of_other_frames():
    """Of test sets drawn from the same frames (the bootstrap), mean IoU scatters by about the error that is told."""
    z, y = random(frames=60)
    generator = torch.Generator().manual_seed(3)
    drawn = [torch.randint(60, (60,), generator=generator) for _ in range(300)]
    scatter = np.std([TASK.scores(TASK.tally(z[i], y[i]))["miou"] for i in drawn])
    assert TASK.scores(TASK.tally(z, y))["miou_error"] == pytest.approx(scatter, rel=0.15)


def test_one_frame_has_no_error():
    z, y = random(frames=1)
    assert "miou_error" not in TASK.scores(TASK.tally(z, y))


@pytest.mark.parametrize("answer", [0, 1, 2])
def test_one_answer_for_all_pixels_is_no_better_than_chance(answer: int):
    _, y = random()
    z = answering(torch.full_like(y, answer).tolist())
    tally = TASK.tally(z, y)
    assert TASK.scores(tally)["miou"] <= TASK.chance + TASK.error(TASK.chance, len(y))
    assert TASK.flaw(tally) == "constant"


def random_guessing(pixels: np.ndarray, answers: np.ndarray) -> float:
    """Mean IoU over the classes that are there, where each is answered for a share of all pixels, by no rule."""
    p, q = pixels / pixels.sum(), answers / answers.sum()
    there = p > 0
    return float(np.mean((p * q / (p + q - p * q))[there]))


@pytest.mark.parametrize("tested", [(10, 10, 10), (900, 60, 30, 10), (5, 0, 70, 25), (999_999, 1)])
def test_chance_is_the_most_that_guessing_has_on_a_test_set(tested: tuple[int, ...]):
    chance, pixels = Segmentation(len(tested), VOID, tested=tested).chance, np.array(tested, dtype=float)
    drawn = np.random.default_rng(0).dirichlet([0.5] * len(tested), 2000) + 1e-9
    answers = [*drawn, *np.eye(len(tested)) + 1e-9, pixels / (pixels.sum() - pixels) + 1e-12]
    found = [random_guessing(pixels, each) for each in answers]
    assert max(found) == pytest.approx(chance, rel=1e-5)
    assert chance < Segmentation(int((pixels > 0).sum()), VOID).chance


def test_chance_by_hand():
    """Of 11 equal classes 1 / 21; where only one is there nothing can be learnt."""
    assert Segmentation(11, 11, tested=(7,) * 11).chance == pytest.approx(1 / 21)
    assert Segmentation(3, 3, tested=(0, 7, 0)).chance == 1


def test_flaws():
    z, y = random()
    assert TASK.flaw(TASK.tally(z, y)) is None
    z[0, :, 0, 0] = math.nan
    assert TASK.flaw(TASK.tally(z, y)) == "not finite"


def test_the_loss_is_that_of_the_pixels_that_count():
    z, y = (part.double() if part.is_floating_point() else part for part in random())
    weights = (1.0, 3.0, 0.5)
    kept = y != VOID
    rows, labels = z.permute(0, 2, 3, 1)[kept], y[kept]
    assert Segmentation(3, VOID).loss(z, y) == pytest.approx(cross_entropy(rows, labels))
    weighted = cross_entropy(rows, labels, torch.tensor(weights, dtype=torch.float64))
    assert Segmentation(3, VOID, weights).loss(z, y) == pytest.approx(weighted)
    assert Segmentation(3, VOID, weights).loss(z, torch.full_like(y, VOID)) == 0  # not nan


def test_the_weights_of_erfnet():
    assert erfnet_weights(torch.tensor([1, 3])) == pytest.approx((1 / math.log(1.35), 1 / math.log(1.85)))


def test_a_painting_has_a_colour_a_class_and_black_for_void():
    painted = TASK.paint(torch.tensor([[0, 1, 2, VOID]]))
    assert painted.tolist() == [[[128, 0, 0], [0, 128, 0], [128, 128, 0], [0, 0, 0]]]
