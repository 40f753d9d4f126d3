"""The benchmarks reach into a training for what they put on the clock: a change of it is to be seen here."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import steps
from benchmarks.textbook import LOSSES
from cheapconv.catalog import entry
from cheapconv.engine.measure.sizes import sizes
from cheapconv.models.build import build_network
from tests.engine.tiny import PLACE

NETWORK, IMAGES = "wrn(depth=10, width=1)", 4
IMAGE = (3, 32, 32)


@pytest.mark.parametrize("conv", steps.CONVS)
@pytest.mark.parametrize("method", ["scratch", "kd", "at", "od"])
def test_a_step_of_ours_is_on_the_clock(method: str, conv: str, tmp_path: Path) -> None:
    recipe, store = replace(steps.RECIPE, batch=IMAGES), steps.store_in(tmp_path / "runs")
    taken = steps.ours(store, PLACE, [(method, conv)], NETWORK, recipe, teacher=NETWORK)
    taken.take()
    assert taken.trainings[0].position.step == 1
    taught = entry("method", method).cls.needs_teacher
    assert set(taken.shares.seconds) == {"data", "forward"} | ({"teacher"} if taught else set())
    expected = sizes(build_network(NETWORK, steps.CONVS[conv], 10), IMAGE)
    assert [sizes(student, IMAGE) for student in taken.students] == [expected] * (4 if method == "od" else 1)


def test_trainings_side_by_side_share_one_batch_and_one_look_at_the_teacher(tmp_path: Path) -> None:
    recipe, store = replace(steps.RECIPE, batch=IMAGES), steps.store_in(tmp_path / "runs")
    taken = steps.ours(store, PLACE, [("kd", conv) for conv in steps.CONVS], NETWORK, recipe, teacher=NETWORK)
    taken.take()
    assert [training.position.step for training in taken.trainings] == [1] * len(steps.CONVS)
    assert len(taken.teachers) == 1


@pytest.mark.parametrize("method", LOSSES)
def test_a_step_of_the_loop_that_everybody_writes_is_on_the_clock(method: str) -> None:
    taken = steps.theirs(method, "G(N)", NETWORK, workers=0, batch=IMAGES)
    taken.take()
    assert set(taken.shares.seconds) == {"forward"} | ({"teacher"} if method in ("kd", "at") else set())
