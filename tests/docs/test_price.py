"""What ways cost beside what comes of them, worked out by hand."""

from pathlib import Path

from cheapconv.docs.price import FEWEST, NONE, price
from cheapconv.reports.answers.content import Content, build
from tests.reports.store import Store

STEPS = {"scratch": 100_000, "kd": 300_000, "at": 400_000, "dml": 200_000, "od": 200_400, "sp": 310_000}
SCORES = {"scratch": 0.90, "kd": 0.915, "at": 0.93, "od": 0.92, "dml": 0.91, "sp": 0.92}


def sweep(root: Path, ways: int = FEWEST, counted: int = FEWEST) -> Content:
    """G(4) in so many ways, so many of them counted, taught by a standard network that costs six times as much."""
    store = Store(root)
    [teacher, *_] = store.seeds("S", "scratch", [0.95, 0.952])
    store.count(teacher, 600_000)
    for place, (way, macs) in enumerate([*STEPS.items()][:ways]):
        by = teacher if way in ("kd", "at", "sp") else None
        keys = store.seeds("G(4)", way, [SCORES[way] - 0.001, SCORES[way] + 0.001], teacher=by)
        if place < counted:
            store.count(keys[0], macs, by)
    return build(store.plan(), "quick")


def test_from_the_cheapest_to_the_dearest_in_those_of_training_alone(tmp_path: Path) -> None:
    """Of two that cost the same, as far as it is printed, the more accurate one first."""
    lines = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in price([sweep(tmp_path)]).splitlines()[2:]
    ]
    assert {line[0] for line in lines} == {"CIFAR-10 WRN-16-2 G(4) (`quick`)"}
    assert [line[1:] for line in lines] == [
        ["scratch", "**90.00 ± 0.14**", "1.00", "1.00"],
        ["od", "**92.00 ± 0.14**", "2.00", "2.00"],
        ["dml", "91.00 ± 0.14", "2.00", "2.00"],
        ["kd", "91.50 ± 0.14", "3.00", "9.00"],
        ["sp", "92.00 ± 0.14", "3.10", "9.10"],
        ["at", "**93.00 ± 0.14**", "4.00", "10.00"],
    ]


def test_the_sweep_with_more_ways_tells_of_a_network(tmp_path: Path) -> None:
    few, many = sweep(tmp_path / "a", counted=FEWEST - 1), sweep(tmp_path / "b")
    assert price([few]) == NONE
    assert price([many, few]) == price([few, many]) == price([many])
