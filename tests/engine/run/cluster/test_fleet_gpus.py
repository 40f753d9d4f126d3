"""Tasks of several GPUs, on nodes that only say they have them: what is asked for, and taken back when it is gone."""

import pytest

pytest.importorskip("ray")

from cheapconv.engine.run.cluster import connection
from cheapconv.engine.run.cluster.connection import Needs
from cheapconv.engine.run.cluster.fleet import Fleet, Task
from cheapconv.engine.run.cluster.roll import Roll
from tests.engine import tiny

pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.usefixtures("tiny_world")]

EACH = Needs(1, gpus=1.0)


class Keeper:
    """Remembers what it was given back."""

    def __init__(self) -> None:
        self.back: list[int] = []

    def give_back(self, ticket: int) -> None:
        self.back.append(ticket)


@pytest.fixture
def fleet(store, monkeypatch) -> Fleet:
    """One whose cluster has a node of four GPUs and one of two."""
    made = Fleet(store, tiny.CPU)
    made._needs, made._keeper, made._roll = EACH, Keeper(), Roll(None, None, EACH)  # type: ignore[arg-type, assignment]
    made._roll._nodes = {"large": {"CPU": 8.0, "GPU": 4.0}, "small": {"CPU": 8.0, "GPU": 2.0}}
    monkeypatch.setattr(connection, "cancel", lambda task: None)
    return made


def test_what_waits_for_a_node_that_is_gone_is_dealt_again(fleet):
    cells = [planned.cell for planned in tiny.planned({"conv": ["standard", "depthwise", "B(2)"], "gpus": 4}).cells]
    waiting, running, plain = cells
    assert fleet._roll.needs(4) == Needs(4, gpus=4)
    fleet._tasks = {
        "a": Task(1, {waiting.key: waiting}, Needs(4, gpus=4)),
        "b": Task(2, {running.key: running}, Needs(4, gpus=4), node="large"),
        "c": Task(3, {plain.key: plain}, EACH),
    }
    left = {}
    fleet._withdraw(left)
    assert (left, [*fleet._tasks]) == ({}, ["a", "b", "c"])  # it may still come to its turn
    del fleet._roll._nodes["large"]
    fleet._withdraw(left)
    assert (left, [*fleet._tasks], fleet._keeper.back) == ({waiting.key: waiting}, ["b", "c"], [1])
    assert fleet._roll.needs(4) == Needs(2, gpus=2)
    fleet._roll._nodes.clear()
    fleet._withdraw(left)
    assert [*fleet._tasks] == ["b", "c"]  # one GPU is waited for: a cluster may grow


def test_a_node_that_was_refused_has_nothing(fleet):
    fleet._roll.refused["large"] = "its disk is full"
    assert (fleet._roll.needs(4), fleet._roll.has(Needs(4, gpus=4))) == (Needs(2, gpus=2), False)
