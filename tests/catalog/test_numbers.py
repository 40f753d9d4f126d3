"""Bounds of parameters: in their types, seen by whoever lists them, and kept by whoever fills them in."""

import typing

import pytest

from cheapconv import catalog
from cheapconv.catalog.errors import UserError

catalog.load()
NUMBERS = (int, float, int | None, float | None)


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind in ("architecture", "conv", "method") for name in catalog.names(kind)]
)
def test_every_number_has_bounds(kind: str, name: str) -> None:
    entry = catalog.entry(kind, name)
    numbers = {key for key, hint in typing.get_type_hints(entry.config).items() if hint in NUMBERS}
    assert numbers <= entry.bounds.keys()
    assert all("<" in entry.bounds[number] for number in numbers)  # nothing can be as large as anybody writes it


def test_bounds_are_listed_as_they_are_read() -> None:
    assert catalog.entry("method", "fpgm").bounds["limit"] == ">= 1, <= 1e+15"
    assert catalog.entry("method", "label_smoothing").bounds == {"smoothing": ">= 0, < 1"}
    assert catalog.entry("architecture", "wrn").bounds["depth"] == "6n + 4 (10, 16, 22, 40, ...), <= 2000"
    assert catalog.entry("conv", "separable").bounds == {"kernel": "2n + 1 (3, 5, 7, 13, ...), <= 63"}


@pytest.mark.parametrize("value", [True, "true"])
def test_true_is_no_number(value: object) -> None:
    with pytest.raises(UserError, match="conv 'group': groups must be a "):
        catalog.build("conv", "group", {"groups": value})


@pytest.mark.parametrize("depth", [4, 12, 2002, 10**12])
def test_a_progression_begins_ends_and_steps(depth: int) -> None:
    with pytest.raises(UserError, match="depth must be "):
        catalog.build("architecture", "wrn", {"depth": depth, "width": 1})
    assert catalog.build("architecture", "wrn", {"depth": 10, "width": 1}).depth == 10


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"students": 2.5}, "students must be a valid integer, not 2.5"),
        ({"temperature": "hot"}, "temperature must be a valid number, not 'hot'"),
        ({"temperature": -1}, "temperature must be greater than 0, not -1"),
    ],
)
def test_a_refusal_is_a_sentence(settings: dict[str, object], sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        catalog.build("method", "od", settings)
    assert str(caught.value) == f"method 'od': {sentence}"
