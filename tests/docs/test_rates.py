"""The table of learning rates: each way at its own best rate."""

from cheapconv.docs.rates import rates
from cheapconv.reports.answers.content import build
from tests.reports.store import Store

RECIPE = {"epochs": 2, "batch": 8}


def seeds(store: Store, method: str, lr: float, top1: list[float]) -> None:
    store.seeds("G(4)", method, top1, recipe=RECIPE | {"lr": lr})


def test_each_way_at_its_own_best_rate(tmp_path):
    store = Store(tmp_path)
    store.seeds("S", "scratch", [0.95, 0.951], recipe=RECIPE | {"lr": 0.1})
    seeds(store, "scratch", 0.1, [0.900, 0.902])
    seeds(store, "scratch", 0.2, [0.910, 0.911])
    seeds(store, "kd", 0.1, [0.930, 0.932])
    seeds(store, "kd", 0.2, [0.910])
    lines = rates([build(store.plan(), "quick")]).splitlines()
    assert lines[0] == "quick, WRN-16-2 G(4):"
    assert [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]] == [
        ["", "lr 0.1", "lr 0.2", "above training alone, each at its best"],
        ["---", "---:", "---:", "---:"],
        ["scratch", "90.10 ± 0.14", "**91.05 ± 0.07**", ""],
        ["kd", "**93.10 ± 0.14**", "91.00", "+2.05 (p = 0.01)"],  # t = 2.05 / 0.1118 at 1.47 degrees of freedom
    ]


def test_a_row_that_is_not_complete_is_nobodys_best(tmp_path):
    store = Store(tmp_path)
    seeds(store, "scratch", 0.1, [0.900, 0.902])
    seeds(store, "scratch", 0.2, [0.990])
    store.add("G(4)", "scratch", 1, state="planned", recipe=RECIPE | {"lr": 0.2})
    [line] = rates([build(store.plan(), "quick")]).splitlines()[4:]
    assert line == "| scratch | **90.10 ± 0.14** | 99.00 |  |"


def test_one_rate_is_no_table(tmp_path):
    store = Store(tmp_path)
    seeds(store, "scratch", 0.1, [0.900, 0.902])
    assert rates([build(store.plan(), "quick")]) == ""
