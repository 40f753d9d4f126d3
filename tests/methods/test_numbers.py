"""Bounds of settings: in their types, seen by whoever lists them, and kept by whoever fills them in."""

import typing

import pytest

from cheapconv import catalog
from cheapconv.catalog.errors import UserError

catalog.load()
NUMBERS = (int, float, int | None, float | None)


@pytest.mark.parametrize("name", catalog.names("method"))
def test_every_number_has_bounds(name: str) -> None:
    entry = catalog.entry("method", name)
    numbers = {key for key, hint in typing.get_type_hints(entry.config).items() if hint in NUMBERS}
    assert numbers <= entry.bounds.keys()


def test_bounds_are_listed_as_they_are_read() -> None:
    assert catalog.entry("method", "fpgm").bounds["limit"] == ">= 1"
    assert catalog.entry("method", "label_smoothing").bounds == {"smoothing": ">= 0, < 1"}


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
