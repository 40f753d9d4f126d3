"""The plan: grids, order, teachers, sharing, and what it refuses."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from cheapconv.catalog.errors import UserError
from cheapconv.engine.plan.plan import Plan
from cheapconv.engine.plan.resolve import changed_since
from cheapconv.engine.read import registry
from cheapconv.engine.run.planning import plan
from tests.engine import fakes

TEACHER = {"name": "big", "architecture": "net(width=8)"}
STUDENT = {"method": {"copy": {"teacher": "big"}}}


@pytest.fixture(autouse=True)
def fake_catalog(monkeypatch: pytest.MonkeyPatch) -> None:
    fakes.install(monkeypatch)


def planned(*entries: dict[str, Any], **fields: Any) -> Plan:
    return plan(fakes.sweep(*entries, **fields), "sweep")


def test_lists_are_a_grid_and_seeds_are_outermost() -> None:
    found = planned({"conv": ["plain", "thin"], "method": ["alone", {"crowd": {"students": [2, 3]}}]}, seeds=[0, 1])
    rows = [(p.cell.seed, p.cell.conv_label, p.cell.method_label) for p in found.cells]
    methods = ["alone", "crowd(students=2)", "crowd(students=3)"]
    assert rows == [(seed, conv, method) for seed in (0, 1) for conv in ("S", "G(N)") for method in methods]


def test_teachers_come_first_wherever_they_stand() -> None:
    apprentice = {"name": "middle", "method": {"copy": {"teacher": "big"}}}
    found = planned({"method": ["alone", {"blend": {"teacher": "middle"}}]}, apprentice, TEACHER, seeds=[0, 1])
    assert [p.entry for p in found.cells] == ["big", "big", "middle", "middle", None, None, None, None]
    done: set[str] = set()
    for p in found.cells:
        assert set(p.needs) <= done
        done.add(p.cell.key)


def test_every_seed_has_the_teacher_of_its_seed() -> None:
    found = planned(TEACHER, STUDENT, seeds=[3, 4])
    seeds = {p.cell.key: p.cell.seed for p in found.cells}
    pairs = [(p.cell.seed, seeds[p.cell.teacher]) for p in found.cells if p.cell.teacher]
    assert pairs == [(3, 3), (4, 4)]


def test_one_teacher_seed_serves_all_students() -> None:
    found = planned({**TEACHER, "seeds": [7]}, STUDENT, seeds=[0, 1])
    assert {p.cell.teacher for p in found.cells[1:]} == {found.cells[0].cell.key}


def test_equal_cells_are_planned_once_under_the_first_entry() -> None:
    found = planned({"conv": ["thin", "G(N)", "group(width=1)"]}, {"name": "again", "conv": "thin"})
    assert [(p.entry, p.cell.conv_label) for p in found.cells] == [(None, "G(N)")]


def test_a_teacher_spelled_twice_is_still_one_teacher() -> None:
    found = planned({**TEACHER, "conv": ["thin", "G(N)"]}, STUDENT)
    assert found.cells[1].cell.teacher == found.cells[0].cell.key


def test_another_teacher_makes_another_student() -> None:
    small, big = (planned({**TEACHER, "architecture": f"net(width={w})"}, STUDENT).cells[1].cell for w in (2, 8))
    assert small.key != big.key


def test_the_command_line_goes_before_the_entry_before_the_sweep_before_the_recipe() -> None:
    sweep = fakes.sweep({}, {"epochs": [2, 3]}, {"lr": 0.5}, epochs=6, lr=0.2, precision="bf16")
    recipes = [p.cell.recipe for p in plan(sweep, "s").cells]
    assert [(r["epochs"], r["lr"]) for r in recipes] == [(6, 0.2), (2, 0.2), (3, 0.2), (6, 0.5)]
    assert {r["precision"] for r in recipes} == {"bf16"}
    forced = [p.cell.recipe for p in plan(sweep, "s", epochs=1).cells]
    assert [(r["epochs"], r["lr"]) for r in forced] == [(1, 0.2), (1, 0.5)]


def test_a_changed_batch_scales_the_learning_rate_unless_it_is_set() -> None:
    found = planned({"batch": 64}, {"batch": 64, "lr": 0.1})
    assert [p.cell.recipe["lr"] for p in found.cells] == [0.2, 0.1]


def test_every_part_of_the_recipe_is_set_by_name() -> None:
    sweep = fakes.sweep(
        {"schedule": "cosine"},
        {"schedule": "multistep", "milestones": [0.5, 0.75], "nesterov": [True, False]},
        *({"normalisation": "c100-a", "cutout": 0, "padding": "zero"}, {"cutout": [4, 8]}),
        padding="reflect",
        cutout=2,
    )
    recipes = [p.cell.recipe for p in plan(sweep, "s").cells]
    assert [r["schedule"]["kind"] for r in recipes] == ["cosine", *["multistep"] * 2, *["onecycle"] * 3]
    assert [r["schedule"]["milestones"] for r in recipes[:3]] == [[], [0.5, 0.75], [0.5, 0.75]]
    assert [r["nesterov"] for r in recipes[:3]] == [False, True, False]
    cut = [(r["augmentation"]["padding"], r["augmentation"]["cutout"]) for r in recipes]
    assert cut == [*[("reflect", 2)] * 3, (None, None), ("reflect", 4), ("reflect", 8)]
    assert recipes[3]["normalisation"]["mean"] == [0.5071, 0.4867, 0.4408]


def test_views_are_a_list_of_one_run_and_mixing_is_a_grid() -> None:
    sweep = fakes.sweep(
        {"views": ["weak", "strong"], "strong_magnitude": [5, 9], "mixup": 0},
        *({"cutmix": [0.5, 1.0], "mixup": 0}, {}),
        mixup=0.2,
    )
    recipes = [p.cell.recipe for p in plan(sweep, "s").cells]
    assert [r["augmentation"]["views"] for r in recipes] == [["weak", "strong"]] * 2 + [None] * 3
    assert [r["augmentation"]["strong"] for r in recipes[:3]] == [*({"ops": 2, "magnitude": m} for m in (5, 9)), None]
    mixes = [None, None, ("cutmix", 0.5), ("cutmix", 1), ("mixup", 0.2)]
    assert [r["mix"] and tuple(r["mix"].values()) for r in recipes] == mixes


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ({"mixup": 0.2, "cutmix": 1.0}, "a batch is mixed in one way: set mixup or cutmix, and the other"),
        ({"strong_ops": 3}, "strong_ops and strong_magnitude are those of strong views: set views: "),
        ({"views": ["weak"], "strong_magnitude": 3}, "are those of strong views"),
    ],
)
def test_numbers_that_mean_nothing_beside_the_others_are_refused(entry: dict[str, object], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        planned(entry)


def test_what_is_set_to_what_it_is_changes_nothing() -> None:
    keys = {p.cell.key for p in planned({}, {"cutout": 0, "padding": "zero", "nesterov": False}).cells}
    assert len(keys) == 1


def test_a_family_s_own_learning_rate_is_in_its_cells_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = dataclasses.replace(fakes.RECIPE, lr_of=(("net", 0.01),))
    monkeypatch.setitem(fakes.Toy.recipes, "short", recipe)
    rates = [p.cell.recipe["lr"] for p in planned({}, {"batch": 64}, {"lr": 0.5}).cells]
    assert rates == [0.01, 0.02, 0.5]
    monkeypatch.setitem(fakes.Toy.recipes, "short", dataclasses.replace(recipe, lr_of=(("other", 0.01),)))
    others = planned({}).cells[0].cell
    monkeypatch.setitem(fakes.Toy.recipes, "short", fakes.RECIPE)
    assert planned({}).cells[0].cell.key == others.key


def test_milestones_of_a_schedule_without_any_are_refused() -> None:
    with pytest.raises(UserError, match="recipe 'short': milestones and drop are those of the schedule multistep"):
        planned({"milestones": [0.5]})


def test_numbers_that_no_recipe_takes_are_refused() -> None:
    with pytest.raises(UserError, match="epochs must be at least 1"):
        plan(fakes.sweep({}), "sweep", epochs=0)


@pytest.mark.parametrize(
    ("entries", "sentence"),
    [
        ([{"method": "copy"}], "method 'copy' needs a teacher: write .* with an entry with a name"),
        ([TEACHER, {"method": "copy"}], "needs a teacher: write {copy: {teacher: ...}} with one of big."),
        ([TEACHER, {"method": {"copy": {"teacher": "bigg"}}}], "unknown teacher 'bigg'; did you mean big?"),
        (
            [TEACHER, {"method": {"alone": {"teacher": "big"}}}],
            "'alone' has no use for a teacher: remove 'teacher: big'",
        ),
        ([{**TEACHER, **STUDENT}], r"circle \(big from big\)"),
        (
            [{"name": "a", "method": {"copy": {"teacher": "b"}}}, {"name": "b", "method": {"copy": {"teacher": "a"}}}],
            r"circle \(b from a from b\)",
        ),
        ([{**TEACHER, "conv": ["plain", "thin"]}, STUDENT], "teacher 'big' is a grid of 2 cells a seed"),
        ([{**TEACHER, "seeds": [5, 6]}, STUDENT], r"teacher 'big' has no seed 0 \(it has 5, 6\)"),
    ],
)
def test_wrong_teachers_are_refused(entries: list, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        planned(*entries)


def test_an_impossible_network_of_a_grid_is_skipped_with_its_reason(tmp_path: Path) -> None:
    entry = (
        "      - architecture: net(width=4)\n        conv:\n          - S\n          - G(N/3)\n        method: alone"
    )
    sweep = registry.load(fakes.write_registry(tmp_path, entry)).sweep("sweep")
    found = plan(sweep, "sweep")
    assert [p.cell.conv for p in found.cells] == ["plain"]
    [skipped] = found.skipped
    assert (skipped.conv, skipped.method) == ("G(N/3)", "alone")
    assert skipped.reason == "G(N/3) does not fit net(width=4): needs channels divisible by 3, got 4"


def test_a_grid_of_nothing_but_impossible_networks_is_refused_at_the_line_of_the_conv(tmp_path: Path) -> None:
    entry = "      - architecture: net(width=4)\n        conv:\n          - G(N/3)\n        method: alone"
    sweep = registry.load(fakes.write_registry(tmp_path, entry)).sweep("sweep")
    sentence = r"registry\.yaml:8: G\(N/3\) does not fit net\(width=4\): needs channels divisible by 3, got 4"
    with pytest.raises(UserError, match=sentence):
        plan(sweep, "sweep")


def test_what_the_command_line_overrides_is_in_the_name_of_the_plan() -> None:
    assert plan(fakes.sweep({}), "sweep").sweep == "sweep"
    assert plan(fakes.sweep({}), "sweep", epochs=2).sweep == "sweep@epochs=2"


def test_a_wrong_teacher_is_refused_at_its_line(tmp_path: Path) -> None:
    entry = "      - architecture: net(width=4)\n        conv: S\n        method:\n          - alone\n          - copy"
    sweep = registry.load(fakes.write_registry(tmp_path, entry)).sweep("sweep")
    with pytest.raises(UserError, match=r"registry\.yaml:10: method 'copy' needs a teacher"):
        plan(sweep, "sweep")


def test_data_of_the_users_is_known_by_what_it_holds(tmp_path: Path) -> None:
    def key(path: Path, side: int = 8) -> str:
        return planned({}, suite=f"folder(path={str(path)!r}, side={side})").cells[0].cell.key

    for name, content in (("a", "cats"), ("b", "cats"), ("c", "dogs")):
        (tmp_path / name).write_text(content)
    a, b, c = (key(tmp_path / name) for name in "abc")
    assert a == b
    assert len({a, c, key(tmp_path / "a", side=16)}) == 3


def test_data_that_changes_after_the_plan_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("cats")
    cell = planned({}, suite=f"folder(path={str(tmp_path / 'a')!r})").cells[0].cell
    assert changed_since(cell) is None
    (tmp_path / "a").write_text("dogs")
    assert changed_since(cell) == f"path={str(tmp_path / 'a')!r}"
