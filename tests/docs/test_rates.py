"""The table of learning rates: each way at its own best rate."""

import math

from scipy.stats import norm, studentized_range

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
    seeds(store, "kd", 0.2, [0.890, 0.892])
    seeds(store, "at", 0.1, [0.905, 0.907])
    seeds(store, "at", 0.4, [0.990, 0.992])  # a rate that training alone was not given
    seeds(store, "fitnet", 0.1, [0.95])
    store.seeds(
        "G(4)", "ind", [0.99, 0.991], recipe=RECIPE | {"lr": 0.1}, is_baseline=True, method_config={"students": 2}
    )
    lines = rates([build(store.plan(), "quick")]).splitlines()
    assert lines[0] == "quick, WRN-16-2 G(4):"
    # Holm over two ways. kd: the range of four rows, of standard errors 0.1 and 0.05 points at 1.47 degrees of freedom;
    # at, of two rows: the error of 10,000 images at 90.35 %, which decides where the seeds lie so close together.
    kd = studentized_range.sf(math.sqrt(2) * 2.05 / math.hypot(0.1, 0.05), 4, 1.5625 / 1.0625)
    at = 2 * norm.sf(0.005 / math.sqrt(2 * 0.9035 * 0.0965 / 10_000))
    assert [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]] == [
        ["", "lr 0.1", "lr 0.2", "lr 0.4", "above training alone, each at its best"],
        ["---", "---:", "---:", "---:", "---:"],
        ["scratch", "90.10 ± 0.14", "**91.05 ± 0.07**", "", ""],
        ["kd", "**93.10 ± 0.14**", "89.10 ± 0.14", "", f"+2.05 (p = {2 * kd:.2g})"],
        ["at", "90.60 ± 0.14", "", "**99.10 ± 0.14**", f"+0.50 (p = {max(2 * kd, at):.2g}; both at 0.1)"],
        ["fitnet", "**95.00**", "", "", ""],
        ["ind", "**99.05 ± 0.07**", "", "", ""],
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
    assert rates([build(store.plan(), "quick")]).startswith("No sweep")
