"""The defaults of methods are frozen with their versions."""

import re

import pytest

from tests.frozen import complaint, frozen, now, own

FILE = "methods.json"


@pytest.mark.parametrize("name", own("method"))
def test_a_default_changes_with_the_version_alone(name):
    assert complaint("method", name, frozen(FILE).get(name), now("method", name), FILE) is None


def test_every_frozen_method_is_registered():
    assert set(frozen(FILE)) <= set(own("method")), "a method is gone: remove its line, its results are of no use"


BEFORE = {"version": 1, "defaults": {"heat": 4.0}}


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        (BEFORE, BEFORE, None),
        (None, BEFORE, 'is new: add the line "kd": {'),
        (
            BEFORE,
            {"version": 1, "defaults": {"heat": 2.0}},
            "default of heat .* raise its `version`, then make its line",
        ),
        (BEFORE, {"version": 1, "defaults": {}}, "default of heat .* raise its `version`"),
        (BEFORE, {"version": 2, "defaults": {"heat": 2.0}}, "has changed; .* make its line"),
        (BEFORE, {"version": 1, "defaults": {"heat": 4.0, "cold": 0}}, "has changed; if its defaults do what they did"),
    ],
)
def test_the_sentence_says_what_to_do(before, after, sentence):
    found = complaint("method", "kd", before, after, FILE)
    if sentence is None:
        assert found is None
    else:
        assert re.search(sentence, found)
