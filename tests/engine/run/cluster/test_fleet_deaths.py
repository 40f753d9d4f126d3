"""Cells whose processes die on nodes that live: they fail, or the run ends in a sentence, whatever is left here."""

import shutil

import pytest

pytest.importorskip("ray")

from cheapconv.catalog.errors import UserError
from cheapconv.engine.run.cluster.connection import Needs
from cheapconv.engine.run.cluster.fleet import Fleet, Task
from cheapconv.engine.run.cluster.roll import Roll
from cheapconv.engine.run.dealing import DEATHS
from cheapconv.engine.store.cell import Cell
from tests.engine import tiny

pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.usefixtures("tiny_world")]

EACH = Needs(1)


@pytest.fixture
def cell(tiny_world: None) -> Cell:
    """One that has no folder."""
    [planned] = tiny.planned("scratch").cells
    return planned.cell


@pytest.fixture
def fleet(store, cell) -> Fleet:
    """One with a node on which all but one of the processes have died that may die with the cell."""
    store.prepare()
    made = Fleet(store, tiny.CPU)
    made._roll = Roll(None, None, EACH)  # type: ignore[arg-type]
    made._roll.alive, made._died = {"node"}, {cell.key: ["node"] * (DEATHS - 1)}
    return made


def test_a_cell_that_killed_every_process_fails_without_its_folder_too(store, fleet, cell):
    fleet._mourn(Task(1, {cell.key: cell}, EACH, node="node"), [cell], "worker died")
    assert fleet._events.ends == {cell.key: "failed"}
    assert store.run(cell.key).state().error == "each of 3 processes that trained it has ended (worker died)"
    assert store.run(cell.key).cell() is not None


def test_a_store_that_is_gone_is_not_made_anew_for_a_failure(store, fleet, cell):
    shutil.rmtree(store.root)
    with pytest.raises(UserError, match="is gone: put it back"):
        fleet._mourn(Task(1, {cell.key: cell}, EACH, node="node"), [cell], "worker died")
    assert not store.root.exists()
