"""Hints: the regressor for every pair of sizes, and the two ways to train."""

from pathlib import Path
from typing import Any

import pytest
import torch

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.engine.train.checkpoint import Position
from cheapconv.methods.base import Method
from cheapconv.methods.fitnet import hint_loss, regressor
from tests.engine.tiny import Stopped
from tests.methods.fixed import BATCH
from tests.methods.inputs import STUDENT_MAP
from tests.methods.known import SAME_WIDTH_MAP, Known, KnownBuild, known_method
from tests.methods.world import SUITE, World, batch, train

TWO_STAGES = {"stages": "two_stage", "kd_weight": 1.0, "hint_share": 0.5}


def test_the_hint_s_fixed_number() -> None:
    assert hint_loss(STUDENT_MAP, SAME_WIDTH_MAP).item() == pytest.approx(0.90188410, abs=6e-9)


def test_the_hint_is_a_plain_mean() -> None:
    pairs = list(zip(STUDENT_MAP.flatten().tolist(), SAME_WIDTH_MAP.flatten().tolist(), strict=True))
    assert hint_loss(STUDENT_MAP, SAME_WIDTH_MAP).item() == pytest.approx(sum((a - b) ** 2 for a, b in pairs) / 192)


@pytest.mark.parametrize(
    ("student", "teacher", "weight"),
    [
        ((3, 8, 8), (6, 4, 4), (6, 3, 3, 3)),
        ((3, 4, 4), (6, 8, 8), (3, 6, 4, 4)),  # transposed: (in, out, k, k)
        ((3, 4, 4), (6, 4, 4), (6, 3, 1, 1)),
        ((3, 7, 7), (6, 5, 5), (6, 3, 3, 3)),
    ],
)
def test_the_regressor_has_the_teacher_s_shape(student: tuple, teacher: tuple, weight: tuple) -> None:
    layers = regressor(student, teacher)
    assert layers(torch.ones(2, *student)).shape == (2, *teacher)
    assert layers[0].weight.shape == weight
    assert layers[0].bias is not None
    assert (layers(torch.randn(2, *student)) >= 0).all()


def test_sizes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot bring a map of side 4 to one of 6"):
        regressor((3, 4, 4), (6, 6, 6))


def test_the_hint_is_a_stage() -> None:
    with pytest.raises(ValueError, match="hint must be a stage from 1 to 3, not 4"):
        known_method("fitnet", hint=4)
    with pytest.raises(UserError, match="hint must be greater than or equal to 1, not 0"):
        known_method("fitnet", hint=0)


def test_the_hint_chooses_the_maps() -> None:
    maps = [torch.full((4, 3, 4, 4), float(i)) for i in range(3)]
    student, teacher = (Known(torch.zeros(4, 5), maps, torch.zeros(4, 6)) for _ in range(2))
    config = catalog.build("method", "fitnet", {"hint": 3, "weight": 2.0})
    method = catalog.entry("method", "fitnet").cls(KnownBuild(student, teacher), config)
    method.regressor = torch.nn.Identity()
    assert method.losses(BATCH)["fitnet"] == 0
    student.maps = [maps[0], maps[1], maps[0]]
    assert method.losses(BATCH)["fitnet"].item() == pytest.approx(2 * 2.0**2)


def test_the_regressor_is_trained_with_the_student(world: World) -> None:
    method = world.method("fitnet")
    assert {name.split(".")[0] for name, _ in method.named_parameters()} == {"student", "regressor"}
    assert [phase.name for phase in method.phases()] == ["train"]


def test_two_stages_train_the_hint_first(world: World) -> None:
    method = world.method("fitnet", **TWO_STAGES)
    assert [(p.name, p.share) for p in method.phases()] == [("hint", 0.5), ("distil", 0.5)]
    assert list(method.losses(batch())) == ["fitnet"]
    method.clock.phase = 1
    assert list(method.losses(batch())) == ["ce", "kd"]


def run(method: Method, folder: Path, stop_after: int | None = None, **watch: Any) -> Position:
    """Four epochs of three steps each, stopped where asked."""
    recipe = catalog.parse("suite", SUITE).recipes["short"].override(epochs=4, batch=8, weight_decay=0.1)
    steps = iter(range(12))
    return train(method, folder, recipe, should_stop=lambda: next(steps) == stop_after, **watch)


def test_the_trainer_goes_on_to_the_logits_and_the_hint_leaves_them_alone(world: World, tmp_path: Path) -> None:
    method = world.method("fitnet", **TWO_STAGES)
    classifier = method.student.classifier.weight.detach().clone()
    same: list[bool] = []
    position = run(
        method, tmp_path, on_epoch=lambda _: same.append(torch.equal(method.student.classifier.weight, classifier))
    )
    assert [set(row.terms) for row in position.curve] == [{"fitnet"}] * 2 + [{"ce", "kd"}] * 2
    assert same == [True, True, False, False]  # not even weight decay touches it


@pytest.mark.parametrize("stop_after", [1, 7, 10])
def test_a_resumed_run_knows_its_stage(world: World, tmp_path: Path, stop_after: int) -> None:
    whole = run(world.method("fitnet", **TWO_STAGES), tmp_path / "whole")
    with pytest.raises(Stopped):
        run(world.method("fitnet", **TWO_STAGES), tmp_path / "parts", stop_after)
    resumed = run(world.method("fitnet", **TWO_STAGES), tmp_path / "parts")
    assert [row.terms for row in resumed.curve] == [row.terms for row in whole.curve]


def test_the_share_of_the_hint_is_a_part_of_the_run() -> None:
    with pytest.raises(UserError, match="hint_share must be less than 1, not 1"):
        catalog.build("method", "fitnet", {"hint_share": 1})
