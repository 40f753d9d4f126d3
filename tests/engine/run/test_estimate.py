"""What a sweep takes, worked out by hand from probes that are made up."""

from dataclasses import replace

import pytest

from cheapconv.engine.run.estimate import CellCost, Estimate, cost
from cheapconv.engine.store.probes import Probe
from tests.engine import tiny

pytestmark = pytest.mark.usefixtures("tiny_world")

TEACHER = {"name": "teacher", "architecture": "wrn(depth=10, width=1)", "conv": "standard", "method": "scratch"}
STUDENTS = {
    "architecture": "wrn(depth=10, width=1)",
    "conv": ["G(2)", "G(4)"],
    "method": ["scratch", {"kd": {"teacher": "teacher"}}],
}
PROBE = Probe(
    device_name="A CPU",
    threads=1,
    date="2026-01-01",
    steps=10,
    batch_s=1.0,
    teacher_s=0.0,
    own_s=4.0,
    making_s=2.0,
    scoring_s=3.0,
    taken=8,
)
TAUGHT = replace(PROBE, teacher_s=2.0)


@pytest.fixture
def cells():
    return [planned.cell for planned in tiny.planned(TEACHER, STUDENTS, epochs=2).cells]


@pytest.fixture
def estimate(cells):
    return Estimate(cells, {cell.key: cost(cell, TAUGHT if cell.teacher else PROBE, None) for cell in cells})


def test_a_cell_alone(cells):
    found = cost(cells[0], replace(PROBE, begin_s=7.0), None)
    assert (found.steps, found.scored, found.method_s) == (20, 2, 7.0)
    assert found.train_s == 20 * (1 + 4) + 7
    assert found.alone_s == found.train_s + 2 * (2 + 3)
    assert cost(cells[0], PROBE, 30.0).method_s == 30.0


def test_a_method_that_trains_nothing_is_scored_alone(cells):
    assert cost(cells[0], replace(PROBE, steps=0), None).alone_s == 10.0


def test_epochs_that_are_not_scored_cost_nothing(cells):
    [planned] = tiny.planned(TEACHER, epochs=5, evaluate_every=2).cells
    assert cost(planned.cell, PROBE, None).scored == 3  # the second, the fourth, the last


def test_cells_side_by_side_make_a_batch_once_and_ask_their_teacher_once(cells, estimate):
    pair = [cell for cell in cells if cell.teacher]
    assert estimate.side_by_side(pair) == (20 * (1 + 2 + 4 + 4), 20 * 11 + 2 * (2 + 3 + 3))
    assert estimate.side_by_side([pair[0], cells[0]]) == (20 * (1 + 2 + 4 + 4), 20 * 11 + 16)
    alone = estimate.costs[pair[0].key]
    assert estimate.side_by_side(pair[:1]) == pytest.approx((alone.train_s, alone.alone_s))


def test_other_views_are_other_batches(cells, estimate):
    pair = [cell for cell in cells if cell.teacher]
    costs = {**estimate.costs, pair[1].key: cost(pair[1], replace(TAUGHT, views=2), None)}
    assert Estimate(cells, costs).side_by_side(pair)[0] == 20 * 2 * (1 + 2 + 4)


def test_sums(estimate):
    assert estimate.alone_s == 3 * 110 + 2 * 150
    assert estimate.train_s == 3 * 100 + 2 * 140
    assert estimate.joules() is None


def test_energy_is_told_only_where_it_was_counted_for_all(cells, estimate):
    costs = {key: replace(of, probe=replace(of.probe, joules=2.0)) for key, of in estimate.costs.items()}
    assert Estimate(cells, costs).joules() == 5 * 20 * 2.0
    first = cells[0].key
    assert Estimate(cells, {**costs, first: estimate.costs[first]}).joules() is None


def test_one_worker_trains_the_teacher_and_what_needs_none_then_the_students(estimate):
    played = estimate.played(1)
    first, then = 20 * (1 + 3 * 4) + 2 * (2 + 3 * 3), 20 * (1 + 2 + 2 * 4) + 2 * (2 + 2 * 3)
    assert (played.wall_s, played.worked_s) == (first + then, first + then)
    assert played.train_s == 20 * 13 + 20 * 11


def test_students_wait_for_their_teacher_however_many_workers_there_are(estimate):
    played = estimate.played(64)
    assert played.wall_s == 110 + 150
    assert played.worked_s == 3 * 110 + 2 * 150


def test_cells_one_by_one(cells, estimate):
    assert Estimate(cells, estimate.costs, most=1).played(1).worked_s == estimate.alone_s


def test_what_could_not_be_probed_is_left_out(cells, estimate):
    costs = {key: of for key, of in estimate.costs.items() if key != cells[-1].key}
    found = Estimate(cells, costs)
    assert len(found.known) == 4
    assert found.played(1).wall_s < estimate.played(1).wall_s


def test_costs_are_by_cell():
    assert CellCost(PROBE, 0, 0, 0.0).alone_s == 0.0
