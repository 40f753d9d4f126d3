"""The end of an error's sentence: what was meant, or what there is; and what to type next."""

from pathlib import Path

import pytest

from cheapconv.catalog.errors import UserError, command_line, nearest, sweep_words


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


@pytest.mark.parametrize(("sweep", "words"), [("quick", ["quick"]), ("quick@epochs=1", ["quick", "--epochs", "1"])])
def test_a_plan_of_other_epochs_is_asked_for_as_it_was_made(sweep: str, words: list[str]) -> None:
    assert sweep_words(sweep) == words


def test_what_to_type_next_leaves_out_what_is_usual_and_quotes_the_rest() -> None:
    assert command_line("report", "mine") == "cheapconv report mine"
    assert command_line("report", "mine", store=Path("my runs"), registry=Path("r.yaml")) == (
        "cheapconv report mine --store 'my runs' --registry r.yaml"
    )


def test_a_sentence_that_quotes_too_much_keeps_its_beginning_and_its_end():
    said = str(UserError(f"'{'x' * 9000}' is no network: write another."))
    assert said.startswith("'xxx")
    assert said.endswith("x' is no network: write another.")
    assert len(said) < 2000


def test_of_what_is_known_sixty_are_named():
    known = [f"network_{i:03}" for i in range(100)]
    assert nearest("?", known) == f"; known: {', '.join(known[:60])} and 40 more"
