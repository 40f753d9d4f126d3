"""Recipes: the schedules at every milestone, overrides, and the papers' numbers."""

from dataclasses import replace
from math import cos, pi

import pytest

from cheapconv import catalog
from cheapconv.suites.augmentation import Augmentation
from cheapconv.suites.cifar import Cifar10, Cifar100
from cheapconv.suites.digits import Digits
from cheapconv.suites.recipe import Recipe
from cheapconv.suites.schedule import Schedule, ends
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
        ("mdistiller", {0: 0.05, 149: 0.05, 150: 5e-3, 179: 5e-3, 180: 5e-4, 209: 5e-4, 210: 5e-5, 239: 5e-5}),
        ("dist_cifar", {0: 0.05, 149: 0.05, 150: 5e-3, 179: 5e-3, 180: 5e-4, 209: 5e-4, 210: 5e-5, 239: 5e-5}),
        ("one", {0: 0.1, 150: 0.1, 151: 0.01, 224: 0.01, 225: 0.001, 299: 0.001}),
        ("okddip", {0: 0.1, 149: 0.1, 150: 0.01, 224: 0.01, 225: 0.001, 299: 0.001}),
        ("ffl", {0: 0.1, 149: 0.1, 150: 0.01, 224: 0.01, 225: 0.001, 300: 0.001}),
        ("mcl_okd", {0: 0.1, 75: 0.05 * (1 + 0.5**0.5), 150: 0.05, 299: 0.05 * (1 - cos(pi / 300))}),
        ("blockswap_cifar10", {0: 0.1, 50: 0.05 * (1 + 0.5**0.5), 100: 0.05, 199: 0.05 * (1 - cos(pi / 200))}),
    ],
)
def test_milestones_are_the_papers(suite, name, rates):
    recipe = suite.recipes[name]
    assert {epoch: rate(recipe, epoch) for epoch in rates} == pytest.approx(rates)
    assert {epoch: rate(recipe, epoch + 390 / 391) for epoch in rates} == pytest.approx(rates)  # an epoch's last step


@pytest.mark.parametrize("suite", [Cifar10, Cifar100])
@pytest.mark.parametrize(
    ("name", "epochs", "batch", "weight_decay", "nesterov", "padding", "cutout"),
    [
        ("moonshine_cifar", 200, 128, 5e-4, False, None, None),
        ("od_cifar10", 300, 128, 2e-4, False, None, None),
        ("repdistiller", 240, 64, 5e-4, False, None, None),
        ("mdistiller", 240, 64, 5e-4, False, None, None),
        ("dist_cifar", 240, 64, 5e-4, False, None, None),
        ("one", 300, 128, 1e-4, False, None, None),
        ("okddip", 300, 128, 5e-4, True, None, None),
        ("ffl", 301, 128, 1e-4, True, "reflect", None),
        ("mcl_okd", 300, 128, 5e-4, True, None, None),
        ("blockswap_cifar10", 200, 128, 5e-4, False, None, 16),
    ],
)
def test_numbers_are_the_papers(suite, name, epochs, batch, weight_decay, nesterov, padding, cutout):
    recipe = suite.recipes[name]
    assert (recipe.epochs, recipe.batch, recipe.weight_decay) == (epochs, batch, weight_decay)
    assert (recipe.momentum, recipe.nesterov, recipe.precision) == (0.9, nesterov, "fp32")
    assert recipe.augmentation == Augmentation(pad=4, flip=True, padding=padding, cutout=cutout)


def test_cifar_constants_are_the_papers():
    """Keys of the table of constants: c10-a, c10-b for CIFAR-10; c100-a to c100-c for CIFAR-100."""
    c10_a = ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010))
    c10_b = ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616))
    c100_a = ((0.5071, 0.4867, 0.4408), (0.2675, 0.2565, 0.2761))
    c100_b = ((0.5071, 0.4866, 0.4409), (0.2009, 0.1984, 0.2023))
    c100_c = ((0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762))
    for suite, expected in (
        (Cifar10, {"moonshine_cifar": c10_a, "od_cifar10": c10_a, "repdistiller": c10_b, "short": c10_b}),
        (Cifar10, {"one": c10_a, "okddip": c10_b, "blockswap_cifar10": c10_a}),
        (Cifar100, {"moonshine_cifar": c100_b, "od_cifar10": c100_a, "repdistiller": c100_a, "short": c100_a}),
        (Cifar100, {"one": c10_a, "okddip": c100_c, "mdistiller": c100_a, "dist_cifar": c100_a, "mcl_okd": c100_a}),
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


def test_constants_in_bytes_are_those_of_the_codes():
    mean, std = Cifar100.recipes["ffl"].normalisation.mean, Cifar100.recipes["ffl"].normalisation.std
    assert [255 * value for value in mean] == pytest.approx([129.3, 124.1, 112.4])
    assert [255 * value for value in std] == pytest.approx([68.2, 65.4, 70.4])


@pytest.mark.parametrize("epochs", [1, 2, 3])
@pytest.mark.parametrize("milestones", [(0.3, 0.6, 0.8), (0.1, 0.2), (0.5, 0.75)])
def test_however_short_a_run_its_first_epoch_is_at_the_full_rate(epochs, milestones):
    schedule = Schedule(kind="multistep", milestones=milestones)
    assert schedule.factor(0, epochs) == schedule.factor(0.99, epochs) == 1
    if epochs > 1:
        assert schedule.factor(epochs - 1, epochs) < 1


@pytest.mark.parametrize(
    ("epochs", "shares", "marked"),
    [(1, (1.0,), True), (2, (1.0,), False), (6, (1.0,), False), (3, (2 / 3, 1 / 3), True), (6, (2 / 3, 1 / 3), False)],
)
def test_a_schedule_says_when_its_first_epoch_is_another_than_it_was(epochs, shares, marked):
    """Milestones at 0.3, 0.6 and 0.8 fall on the first epoch of a part of one epoch, and of no longer one."""
    recipe = Cifar10.recipes["moonshine_cifar"].override(epochs=epochs).of_cell("any", shares)
    assert recipe.schedule.first_epoch == ("full" if marked else None)


def test_ends_leave_no_part_empty():
    assert ends((0.5, 0.5), 10) == [5, 10]
    assert ends((0.01, 0.99), 10) == [1, 10]
    assert ends((0.99, 0.01), 10) == [9, 10]
    assert ends((0.2, 0.2, 0.6), 3) == [1, 2, 3]


CHEAP = ["mobilenet_v2", "mobilenet_v2_half", "shufflenet_v1", "shufflenet_v2"]


@pytest.mark.parametrize("name", ["repdistiller", "mdistiller"])
def test_networks_that_are_cheap_already_take_another_rate(name):
    recipe = Cifar100.recipes[name]
    assert {recipe.of_cell(family).lr for family in CHEAP} == {0.01}
    assert recipe.of_cell("resnet").lr == 0.05
    assert recipe.of_cell("shufflenet_v1").lr_of is None  # it has become the rate
    assert recipe.override(batch=128).of_cell("shufflenet_v1").lr == pytest.approx(0.02)
    assert recipe.override(lr=0.03).of_cell("shufflenet_v1").lr == 0.03


def test_every_part_of_a_recipe_can_be_set_by_name():
    recipe = Cifar10.recipes["moonshine_cifar"]
    changed = recipe.override(nesterov=True, milestones=(0.5,), drop=0.1, padding="reflect", cutout=8)
    assert changed.schedule == Schedule(kind="multistep", milestones=(0.5,), drop=0.1)
    assert changed.augmentation == Augmentation(pad=4, flip=True, padding="reflect", cutout=8)
    assert changed.nesterov
    assert changed.override(padding="zero", cutout=0, nesterov=False).augmentation == recipe.augmentation
    assert recipe.override(schedule="cosine").schedule == Schedule(kind="cosine")
    assert recipe.override(schedule="multistep") == recipe
    assert recipe.override(normalisation="c10-b").normalisation == Cifar10.recipes["repdistiller"].normalisation
    short = Cifar10.recipes["short"].override(schedule="multistep", milestones=(0.5, 0.75))
    assert short.schedule == Cifar10.recipes["od_cifar10"].schedule


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
        ({"schedule": "cosine", "milestones": (0.5,)}, "milestones and drop are those of the schedule multistep"),
        ({"schedule": "onecycle", "drop": 0.5}, "but the schedule is onecycle"),
    ],
)
def test_impossible_numbers_are_refused(numbers, message):
    with pytest.raises(ValueError, match=message):
        RECIPE.override(**numbers)


def test_multistep_without_milestones_is_refused():
    with pytest.raises(ValueError, match="needs milestones, fractions of the run"):
        Cifar10.recipes["short"].override(schedule="multistep")


def test_every_recipe_carries_its_name():
    catalog.load()
    whole = [name for name in catalog.names("suite") if catalog.entry("suite", name).is_whole]
    for suite in (catalog.parse("suite", name) for name in whole):
        assert {name: recipe.name for name, recipe in suite.recipes.items()} == {name: name for name in suite.recipes}
    assert Digits.recipes["short"].augmentation.flip is False  # a mirrored digit is no digit


def test_poly_falls_epoch_by_epoch():
    """ERFNet's lr(e) = (1 - (e - 1) / E)^0.9 with epochs from 1."""
    schedule = Schedule(kind="poly")
    assert [schedule.factor(done, 4) for done in (0, 0.9, 1, 3)] == pytest.approx([1, 1, 0.75**0.9, 0.25**0.9])
