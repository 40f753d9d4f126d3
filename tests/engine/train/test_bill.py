"""What a training costs alone, and what was spent on it where a part was made for several."""

import pytest

from cheapconv.engine.train.bill import Bill, Shared, Span
from tests.engine import tiny


def spans(*seconds: float) -> list[Span]:
    return [Span(0.0, float(second)) for second in seconds]


def test_what_is_shared_is_paid_in_equal_parts_and_counts_as_if_alone():
    """Steps of 1, 2 and 3 s, the first with a pass of 0.5 s in it that two use, and a batch of 0.25 s that all use."""
    bills = [Bill(tiny.CPU) for _ in range(3)]
    [one, two, three, pass_, batch] = spans(1, 2, 3, 0.5, 0.25)
    for bill, span in zip(bills, (one, two, three), strict=True):
        bill.charge("epoch_steps_s", span)
    looked, made = Shared(pass_, maker=bills[0]), Shared(batch)
    for bill in (bills[0], bills[1], bills[1]):
        looked.use(bill)
    for bill in bills:
        made.use(bill)
    looked.divide()
    made.divide()
    sums = [bill.settle() for bill in bills]
    assert [s["epoch_steps_s"] for s in sums] == pytest.approx([1 + 0.25, 2 + 0.5 + 0.25, 3 + 0.25])
    assert [s["epoch_spent_s"] for s in sums] == pytest.approx([0.75 + 0.25 / 3, 2.25 + 0.25 / 3, 3 + 0.25 / 3])
    assert sum(s["epoch_spent_s"] for s in sums) == pytest.approx(1 + 2 + 3 + 0.25)  # what the clock has seen
    assert [bill.settle()["epoch_steps_s"] for bill in bills] == [0.0, 0.0, 0.0]


def test_who_uses_it_later_finds_it_paid_for_and_counts_it_as_if_alone():
    early, late = Bill(tiny.CPU), Bill(tiny.CPU)
    made = Shared(*spans(4))
    for bill in (early, late):
        made.use(bill)
        made.divide()
    assert early.settle()["epoch_spent_s"] == 4
    assert late.settle() == {"epoch_steps_s": 4, "epoch_method_s": 0, "epoch_spent_s": 0}
