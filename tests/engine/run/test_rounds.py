"""What is attempted again."""

import pytest

from cheapconv.engine.run.rounds import in_rounds
from cheapconv.engine.run.watchers import Watchers
from tests.engine import tiny

pytestmark = pytest.mark.usefixtures("tiny_world")


def test_what_is_left_aside_is_tried_again_until_nothing_changes():
    first, second = (planned.cell for planned in tiny.planned("scratch", "noisy").cells)
    told, rounds = Watchers(()), list[list[str]]()

    def attempt(left: dict) -> bool:
        rounds.append([*left])
        for cell in left.values():
            told.ended(cell, "done" if cell == first else "running")
        return True

    in_rounds([first, second], told, attempt)
    assert rounds == [[first.key, second.key], [second.key]]
    assert told.ends == {first.key: "done", second.key: "running"}
