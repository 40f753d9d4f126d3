"""Counts and times as people write them."""

import pytest

from cheapconv.catalog.errors import UserError
from cheapconv.engine.read.quantity import count, seconds, several


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("300k", 300_000),
        ("40M", 40_000_000),
        ("1.2G", 1_200_000_000),
        ("814650", 814_650),
        (512, 512),
        (" 2.5k ", 2500),
    ],
)
def test_counts(text, number):
    assert count(text) == number


@pytest.mark.parametrize("text", ["", "many", "40m", "-3k", "1e6", "0", "k", "1.2.3M", "40 M"])
def test_no_counts(text):
    with pytest.raises(UserError, match="is no count: write 300000"):
        count(text)


@pytest.mark.parametrize("text", ["1000001G", "9" * 400, 10**400, "9" * 400 + ".5M"])
def test_counts_of_no_network(text):
    with pytest.raises(UserError, match="is more than any network has: write at most 1000000G") as refused:
        count(text)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(("text", "number"), [("90s", 90), ("9m", 540), ("1h30m", 5400), ("1h2m3s", 3723), ("45", 45)])
def test_times(text, number):
    assert seconds(text) == number


@pytest.mark.parametrize("text", ["", "h", "1d", "9m1h", "-5s", "1.5h", "9" * 400])
def test_no_times(text):
    with pytest.raises(UserError, match="is no time: write 90s, 9m or 1h30m"):
        seconds(text)


def test_several_or_as_many_as_fit():
    assert [several("--cohort", text) for text in ("auto", "1", "64")] == [None, 1, 64]


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5", "many", "Auto", "9" * 400])
def test_not_several(text):
    with pytest.raises(UserError, match=r"^--cohort is '.*': write auto, or a number such as 4\.$"):
        several("--cohort", text)
