"""The key of a cell: what changes it, what does not, and that it stays what it is from one release to the next."""

import dataclasses
import json
from typing import Any

import pytest
from pydantic import TypeAdapter

from cheapconv.engine.plan.resolve import resolve
from cheapconv.engine.store.cell import Cell
from tests.engine import fakes


@pytest.fixture(autouse=True)
def fake_catalog(monkeypatch: pytest.MonkeyPatch) -> None:
    fakes.install(monkeypatch)


def cell(**changes: Any) -> Cell:
    fields = {
        "suite": fakes.Toy(),
        "recipe": fakes.RECIPE,
        "architecture": "net(width=4)",
        "conv": "thin",
        "method": "copy",
        "settings": {},
        "seed": 0,
        "teacher": "0123456789abcdef",
    }
    return resolve(**{**fields, **changes})


OTHER_VALUES = {
    "suite": "other",
    "protocol": 2,
    "data": "other",
    "architecture": "net(width=8)",
    "architecture_version": 2,
    "conv": "plain",
    "conv_version": 2,
    "method": "blend",
    "method_version": 2,
    "method_config": {"heat": 2},
    "seed": 1,
    "teacher": None,
    "weights": {"weights='net.pt'": "0123"},
    "versions": {"net(width=2)": 2},
}
COSMETIC = {
    "architecture_label": "x",
    "conv_label": "x",
    "method_label": "x",
    "method_settings": {"heat": 9},
    "classes": 99,
    "gpus": 4,
}


@pytest.mark.parametrize("field", [f.name for f in dataclasses.fields(Cell)])
def test_the_key_holds_exactly_what_can_change_the_result(field: str) -> None:
    one = cell()
    if field == "recipe":
        other = {"recipe": {**one.recipe, "epochs": 5}}
    else:
        other = {field: {**OTHER_VALUES, **COSMETIC}[field]}
    assert (dataclasses.replace(one, **other).key == one.key) == (field in COSMETIC)


@pytest.mark.parametrize("field", [f.name for f in dataclasses.fields(fakes.RECIPE)])
def test_every_number_of_the_recipe_is_in_the_key_and_its_name_is_not(field: str) -> None:
    one = cell()
    other = dataclasses.replace(one, recipe={**one.recipe, field: "another value"})
    assert (other.key == one.key) == (field == "name")


@pytest.mark.parametrize(
    ("part", "field"),
    [("augmentation", "cutout"), ("augmentation", "views"), ("augmentation", "strong"), ("schedule", "first_epoch")],
)
def test_what_a_part_of_the_recipe_has_learnt_is_in_the_key_once_it_is_set(part: str, field: str) -> None:
    one = cell()
    assert one.recipe[part][field] is None
    older = {name: value for name, value in one.recipe[part].items() if name != field}
    assert dataclasses.replace(one, recipe={**one.recipe, part: older}).key == one.key
    assert dataclasses.replace(one, recipe={**one.recipe, part: {**older, field: 4}}).key != one.key


def test_how_images_are_mixed_is_in_the_key_once_it_is_set() -> None:
    one = cell()
    older = {name: value for name, value in one.recipe.items() if name != "mix"}
    assert dataclasses.replace(one, recipe=older).key == one.key
    mixes = [{}, {"mixup": 0.2}, {"mixup": 1.0}, {"cutmix": 1.0}]
    assert len({cell(recipe=fakes.RECIPE.override(**mix)).key for mix in mixes}) == 4
    assert cell(recipe=fakes.RECIPE.override(mixup=0, cutmix=0)).key == one.key


def test_the_views_of_a_recipe_are_in_the_key_unless_all_are_weak() -> None:
    views = [{}, {"views": ("strong",)}, {"views": ("weak", "strong")}, {"views": ("strong",), "strong_ops": 3}]
    assert len({cell(recipe=fakes.RECIPE.override(**view)).key for view in views}) == 4
    assert cell(recipe=fakes.RECIPE.override(views=("weak", "weak"))).key == cell().key
    spelled_out = fakes.RECIPE.override(views=("strong",), strong_ops=2, strong_magnitude=9)
    assert cell(recipe=spelled_out).key == cell(recipe=fakes.RECIPE.override(views=("strong",))).key


def test_the_key_is_the_same_in_every_release() -> None:
    """If this fails, every stored result is orphaned: raise a version instead."""
    assert cell().key == "443323d7a7f94c4b"


def test_two_spellings_are_one_cell() -> None:
    keys = {cell(conv=text).key for text in ("thin", "G(N)", "G( N )", "group(width=1)", "G(N/1)")}
    assert len(keys) == 1
    assert cell(architecture="Net-4").key == cell().key
    assert cell(settings={"heat": 2}).key == cell(settings={"heat": 2.0}).key
    assert cell(recipe=fakes.RECIPE.override(lr=1)).key == cell(recipe=fakes.RECIPE.override(lr=1.0)).key


def test_defaults_spelled_out_change_nothing_and_labels_show_the_rest() -> None:
    assert cell(settings={"heat": 4}).key == cell().key
    other = cell(settings={"heat": 2, "stages": [0, 1]})
    assert other.method_config == {"heat": 2, "stages": [0, 1]}
    assert other.method_label == "copy(heat=2, stages=[0, 1])"
    assert cell().method_label == "copy"
    assert cell().method_settings == {"heat": 4, "stages": []}
    assert (other.conv_label, other.architecture_label) == ("G(N)", "Net-4")


def test_a_setting_without_a_default_is_always_in_the_key() -> None:
    two, three = (cell(method="crowd", settings={"students": n}) for n in (2, 3))
    assert two.method_config == {"students": 2}
    assert two.key != three.key


def test_the_version_of_a_network_that_a_setting_names_is_in_the_key_unless_it_is_the_first(monkeypatch) -> None:
    settings = {"students": 2, "partners": ["net(width=2)"]}
    one = cell(method="crowd", settings=settings)
    assert one.versions == {}
    monkeypatch.setattr(fakes.Net, "version", 2)
    other = dataclasses.replace(cell(method="crowd", settings=settings), architecture_version=1)
    assert other.versions == {"net(width=2)": 2}
    assert other.key != one.key
    assert dataclasses.replace(other, versions={}).key == one.key


def test_json_round_trip() -> None:
    one = cell(settings={"heat": 2.5, "stages": (0, 1)})
    record = json.loads(json.dumps(one.to_json()))
    back = TypeAdapter(Cell).validate_python(record)
    assert record["key"] == back.key == one.key
    assert hash(back) == hash(one)
    assert back.to_json() == json.loads(json.dumps(one.to_json()))
