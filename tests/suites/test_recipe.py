"""Recipes: the schedules at every milestone, overrides, and the papers' numbers."""

from dataclasses import replace

import pytest

from cheapconv import catalog
from cheapconv.suites.cifar import Cifar10, Cifar100
from cheapconv.suites.digits import Digits
from cheapconv.suites.recipe import Recipe, Schedule
from tests.engine.tiny import RECIPE

ONE_CYCLE = Schedule(kind="onecycle")


def rate(recipe: Recipe, epoch: float) -> float:
    return recipe.lr * recipe.schedule.factor(epoch, recipe.epochs)


@pytest.mark.parametrize("suite", [Cifar10, Cifar100])
@pytest.mark.parametrize(
    ("name", "rates"),
    [
        ("moonshine_cifar", {0: 0.1, 59: 0.1, 60: 0.02, 119: 0.02, 120: 0.004, 159: 0.004, 160: 0.0008, 199: 0.0008}),
        ("od_cifar10", {0: 0.1, 149: 0.1, 150: 0.01, 224: 0.01, 225: 0.001, 299: 0.001}),
        ("repdistiller", {0: 0.05, 149: 0.05, 150: 5e-3, 179: 5e-3, 180: 5e-4, 209: 5e-4, 210: 5e-5, 239: 5e-5}),
    ],
)
def test_milestones_are_the_papers(suite, name, rates):
    recipe = suite.recipes[name]
    assert {epoch: rate(recipe, epoch) for epoch in rates} == pytest.approx(rates)
    assert {epoch: rate(recipe, epoch + 390 / 391) for epoch in rates} == pytest.approx(rates)  # an epoch's last step


@pytest.mark.parametrize("suite", [Cifar10, Cifar100])
@pytest.mark.parametrize(
    ("name", "epochs", "batch", "weight_decay"),
    [("moonshine_cifar", 200, 128, 5e-4), ("od_cifar10", 300, 128, 2e-4), ("repdistiller", 240, 64, 5e-4)],
)
def test_numbers_are_the_papers(suite, name, epochs, batch, weight_decay):
    recipe = suite.recipes[name]
    assert (recipe.epochs, recipe.batch, recipe.weight_decay) == (epochs, batch, weight_decay)
    assert (recipe.momentum, recipe.nesterov, recipe.precision) == (0.9, False, "fp32")
    assert (recipe.augmentation.pad, recipe.augmentation.flip) == (4, True)


def test_cifar_constants_are_the_papers():
    """Keys of the table of constants: c10-a, c10-b for CIFAR-10; c100-a, c100-b for CIFAR-100."""
    c10_a = ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010))
    c10_b = ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616))
    c100_a = ((0.5071, 0.4867, 0.4408), (0.2675, 0.2565, 0.2761))
    c100_b = ((0.5071, 0.4866, 0.4409), (0.2009, 0.1984, 0.2023))
    for suite, expected in (
        (Cifar10, {"moonshine_cifar": c10_a, "od_cifar10": c10_a, "repdistiller": c10_b, "short": c10_b}),
        (Cifar100, {"moonshine_cifar": c100_b, "od_cifar10": c100_a, "repdistiller": c100_a, "short": c100_a}),
    ):
        found = {name: (r.normalisation.mean, r.normalisation.std) for name, r in suite.recipes.items()}
        assert {name: found[name] for name in expected} == expected


def test_one_cycle_rises_to_its_peak_and_falls_to_nothing():
    assert ONE_CYCLE.factor(0, 10) == 0
    assert ONE_CYCLE.factor(1.5, 10) == pytest.approx(0.5)
    assert ONE_CYCLE.factor(3, 10) == 1
    assert ONE_CYCLE.factor(6.5, 10) == pytest.approx(0.5)
    assert 0 < ONE_CYCLE.factor(10 - 1 / 400, 10) < 1e-3
    assert max(ONE_CYCLE.factor(i / 100, 10) for i in range(1000)) == 1


@pytest.mark.parametrize("schedule", [ONE_CYCLE, Cifar10.recipes["moonshine_cifar"].schedule])
def test_another_number_of_epochs_keeps_the_shape(schedule):
    for tenth in range(10):
        assert schedule.factor(20 * tenth, 200) == pytest.approx(schedule.factor(2 * tenth, 20))


def test_milestones_of_a_short_run_are_whole_epochs():
    schedule = Cifar10.recipes["moonshine_cifar"].schedule  # at 1.8, 3.6 and 4.8 of 6
    factors = [schedule.factor(epoch, 6) for epoch in range(6)]
    assert factors == pytest.approx([1, 1, 0.2, 0.2, 0.04, 0.008])


def test_a_changed_batch_scales_the_rate_with_it():
    assert RECIPE.override(batch=32).lr == pytest.approx(2 * RECIPE.lr)
    assert RECIPE.override(batch=32, lr=0.3).lr == 0.3
    assert RECIPE.override(epochs=7) == replace(RECIPE, epochs=7)
    assert RECIPE.override(lr=0.0, weight_decay=0.0, precision="bf16") == replace(
        RECIPE, lr=0.0, weight_decay=0.0, precision="bf16"
    )
    assert RECIPE.override() == RECIPE


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ({"epochs": 0}, "epochs must be at least 1, not 0"),
        ({"batch": 0, "lr": 0.1}, "batch must be at least 1, not 0"),
        ({"lr": -0.1}, "lr must be a finite number of at least 0, not -0.1"),
        ({"weight_decay": float("nan")}, "weight_decay must be a finite number of at least 0, not nan"),
        ({"lr": float("inf")}, "lr must be a finite number of at least 0, not inf"),
    ],
)
def test_impossible_numbers_are_refused(numbers, message):
    with pytest.raises(ValueError, match=message):
        RECIPE.override(**numbers)


def test_every_recipe_carries_its_name():
    catalog.load()
    for suite in (catalog.entry("suite", name).cls for name in catalog.names("suite")):
        assert {name: recipe.name for name, recipe in suite.recipes.items()} == {name: name for name in suite.recipes}
    assert Digits.recipes["short"].augmentation.flip is False  # a mirrored digit is no digit
