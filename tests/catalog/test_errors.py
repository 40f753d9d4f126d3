"""The end of an error's sentence: what was meant, or what there is."""

import pytest

from cheapconv.catalog.errors import nearest


@pytest.mark.parametrize(
    ("word", "known", "end"),
    [
        ("weigth", ["weight", "width"], "; did you mean weight or width?"),
        ("weigth", ["weight"], "; did you mean weight?"),
        ("x", ["beta", "alpha"], "; known: alpha, beta"),
        ("x", [], "; known: nothing"),
    ],
)
def test_what_is_close_is_offered_and_else_all_that_is_known(word, known, end):
    assert nearest(word, known) == end
