"""A latency in the page says which operators it goes to."""

from cheapconv.engine.store.operators import Operator
from cheapconv.reports.answers.content import build
from cheapconv.reports.rows.operators import shares
from tests.reports.store import Store


def operator(kind: str, ms: float) -> Operator:
    return Operator(kind=kind, ms=ms, count=1)


def test_shares_are_of_all_operators_and_the_dearest_are_named():
    kinds = ("add", "conv 1x1", "reorder", "conv 3x3 groups=4", "pool", "linear")
    times_ms = (0.06, 0.48, 0.20, 0.19, 0.04, 0.03)
    assert shares([*map(operator, kinds, times_ms)]) == (
        "conv 1x1 48 %, reorder 20 %, conv 3x3 groups=4 19 %, add 6 %, other 7 %"
    )
    assert shares([operator("add", 1.0), operator("conv 3x3", 3.0)]) == "conv 3x3 75 %, add 25 %"
    assert shares([]) == shares([operator("reshape", 0.0)]) == ""


def test_a_latency_names_its_operators_where_they_were_profiled(small: Store) -> None:
    small.measure(
        "G(4)", 10.0, operators=[{"kind": "conv 1x1", "ms": 9.0, "count": 3}, {"kind": "add", "ms": 1.0, "count": 2}]
    )
    content = build(small.root, "quick")
    [column] = [column for column in content.columns if column.title == "Latency (ms)"]
    hints = {row["conv"]: column.tip(row) for _, row in content.rows.iterrows()}
    assert hints == {"S": "quartiles 19 to 21 ms", "G(4)": "quartiles 9 to 11 ms; conv 1x1 90 %, add 10 %"}
