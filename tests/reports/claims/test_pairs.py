"""The kinds of claims that compare at equal cost, and what a method wins in one network beside another."""

import math

import pandas as pd
import pytest

from cheapconv.reports.claims import pairs
from cheapconv.reports.claims.pairs import Selector
from cheapconv.reports.statistics import differences


def row(conv: str, method: str, top1: float, **more: object) -> dict[str, object]:
    usual = {"architecture": "WRN-16-2", "variant": "", "n": 4, "top1_std": 0.002, "test_images": 10_000}
    usual |= {
        "top1_error_mean": math.nan,
        "macs": 100.0,
        "busy": "",
        "seconds_on": ("A",),
        "is_plain": True,
        "place": 0,
        "keys": (),
        "teachers": (),
    }
    usual |= {"latency_ms": 1.0, "doubt": "", "measured_on": "Small CPU (cpu), a runtime; batch 1"}
    made = {
        "conv": conv,
        "method": method,
        "method_name": method,
        "top1_mean": top1,
        "is_baseline": method == "scratch",
    }
    return usual | made | {"train_s_with_teacher": 10.0} | more


def made(kind: pairs.Kind, better: Selector, than: Selector, *rows: dict[str, object]) -> list[pairs.Pair]:
    return pairs.KINDS[kind](better, than, pd.DataFrame(rows), None)  # type: ignore[arg-type]  # which they do not read


def found(kind: pairs.Kind, better: Selector, than: Selector, *rows: dict[str, object]) -> list[tuple[str, str]]:
    return [
        (f"{pair.better['conv']} {pair.better['method']}", f"{pair.than['conv']} {pair.than['method']}")
        for pair in made(kind, better, than, *rows)
    ]


CHEAP, STANDARD = Selector(conv=("G(4)", "G(N)", "B(2)")), Selector(conv=("S",))


def test_at_no_more_multiply_adds_the_nearest_is_taken():
    rows = row("S", "scratch", 0.9, macs=50), row("G(4)", "scratch", 0.8, macs=60), row("G(N)", "scratch", 0.9, macs=20)
    kind: pairs.Kind = "conv beats conv at no more macs"
    assert found(kind, CHEAP, STANDARD, *rows) == [("G(N) scratch", "S scratch")]
    assert found(kind, CHEAP, STANDARD, *rows, row("B(2)", "scratch", 0.7, macs=50)) == [("B(2) scratch", "S scratch")]


def test_what_is_compared_at_no_more_of_a_cost_says_how_much_less():
    rows = row("S", "scratch", 0.9, macs=50, params=8), row("G(N)", "scratch", 0.9, macs=20, params=6)
    for kind, part in (
        ("conv beats conv at no more macs", "0.40 of the multiply-adds"),
        ("conv beats conv at no more params", "0.75 of the parameters"),
    ):
        assert [pair.part for pair in made(kind, CHEAP, STANDARD, *rows)] == [part]  # type: ignore[arg-type]


def test_a_latency_in_doubt_is_none():
    rows = row("S", "scratch", 0.9), row("G(4)", "scratch", 0.8, latency_ms=0.9, doubt="the machine was slow")
    kind: pairs.Kind = "conv beats conv at no more latency"
    assert found(kind, CHEAP, STANDARD, *rows) == []
    assert found(kind, CHEAP, STANDARD, *rows, row("G(N)", "scratch", 0.7, latency_ms=math.nan)) == []
    assert found(kind, CHEAP, STANDARD, *rows, row("G(N)", "scratch", 0.7, latency_ms=0.2)) == [
        ("G(N) scratch", "S scratch")
    ]
    second = {"latency_ms_2": 0.5, "doubt_2": "", "measured_on_2": "Small CPU (cpu), another; batch 1"}
    [pair] = made(kind, CHEAP, STANDARD, *({**each, **second} for each in rows))  # the second condition has no doubt
    assert (pair.better["conv"], pair.part) == ("G(4)", "1.00 of the latency on Small CPU (cpu), another")
    untimed = [
        {name: value for name, value in each.items() if name not in ("latency_ms", "doubt", "measured_on")}
        for each in rows
    ]
    assert found(kind, CHEAP, STANDARD, *untimed) == []


def test_a_method_meets_one_that_trained_as_long_in_its_own_network():
    online, offline = Selector(method=("od",)), Selector(method=("kd",))
    rows = [row("G(4)", "od", 0.8, train_s_with_teacher=9.0), row("G(4)", "kd", 0.8), row("G(N)", "kd", 0.8)]
    rows += [row("G(N)", "od", 0.8, train_s_with_teacher=11.0)]
    kind: pairs.Kind = "method beats method at no more training in every network"
    assert found(kind, online, offline, *rows) == [("G(4) od", "G(4) kd")]


def test_a_method_meets_one_that_computed_as_much_in_training_whatever_machine_it_was():
    online, offline = Selector(method=("od",)), Selector(method=("kd",))
    rows = [row("G(4)", "od", 0.8, train_macs_with_teacher=9e12, busy="shared", seconds_on=("A", "B"))]
    rows += [
        row("G(4)", "kd", 0.8, train_macs_with_teacher=36e12),
        row("G(N)", "od", 0.8, train_macs_with_teacher=2e12),
    ]
    rows += [
        row("G(N)", "kd", 0.8, train_macs_with_teacher=1e12),
        row("G(4)", "at", 0.8, train_macs_with_teacher=math.nan),
    ]
    kind: pairs.Kind = "method beats method at no more training compute in every network"
    assert found(kind, online, offline, *rows) == [("G(4) od", "G(4) kd")]
    assert [pair.part for pair in made(kind, online, offline, *rows)] == ["with 0.25 of the multiply-adds"]
    assert found(kind, online, Selector(method=("at",)), *rows) == []


def test_what_a_method_wins_has_the_errors_of_both_rows():
    kd = Selector(method=("kd",))
    better, than = Selector(method=("kd",), conv=("G(4)",)), Selector(method=("kd",), conv=("S",))
    rows = [row("G(4)", "scratch", 0.80, n=4), row("G(4)", "kd", 0.83, n=9, top1_std=0.003)]
    rows += [row("S", "scratch", 0.90), row("S", "kd", 0.91)]
    assert found("method helps more", better, than, *rows) == [("G(4) kd", "S kd")]
    [pair] = made("method helps more", better, than, *rows)
    assert pair.part == "what each wins over training alone"
    won = pair.better
    assert (won["top1_mean"], won["n"]) == (pytest.approx(0.03), 4)
    # The squared error of a mean: 0.003^2 / 9 + 0.002^2 / 4.
    assert won["top1_std"] ** 2 / won["n"] == pytest.approx(1e-6 + 1e-6)
    # All four rows have such an error of 1e-6, one of eight degrees of freedom and three of three.
    assert differences.freedom(won, pair.than) == pytest.approx(4**2 / (1 / 8 + 3 * 1 / 3))
    assert won["top1_error_mean"] == pytest.approx(math.sqrt((0.83 * 0.17 + 0.80 * 0.20) / 10_000))
    assert found("method helps more", kd, Selector(method=("at",)), *rows) == []


def test_how_rows_of_equal_cost_are_paired_does_not_depend_on_their_accuracies():
    kind: pairs.Kind = "conv beats conv at no more macs"
    rows = [row("S", "scratch", 0.9), row("G(4)", "scratch", 0.95), row("G(N)", "scratch", 0.7)]
    both = [("G(4) scratch", "S scratch"), ("G(N) scratch", "S scratch")]
    assert found(kind, CHEAP, STANDARD, *rows) == found(kind, CHEAP, STANDARD, *rows[::-1])[::-1] == both


def test_what_is_won_is_won_over_the_plainest_training_alone_of_the_same_recipe():
    """Two networks that are trained independently, and plain training for longer, are no second baseline."""
    kd, thin = Selector(method=("kd",), conv=("G(4)",)), Selector(method=("kd",), conv=("S",))
    independent = row("G(4)", "ind", 0.81, is_baseline=True, is_plain=False)
    rows = [independent, row("G(4)", "scratch", 0.80, place=1), row("G(4)", "kd", 0.83)]
    rows += [row("G(4)", "scratch", 0.85, variant="epochs=20"), row("S", "scratch", 0.90), row("S", "kd", 0.91)]
    [pair] = made("method helps more", kd, thin, *rows)
    assert pair.better["top1_mean"] == pytest.approx(0.03)
    longer = [row("S", "scratch", 0.92, variant="epochs=20"), row("S", "kd", 0.93, variant="epochs=20")]
    assert len(made("method helps more", kd, thin, *rows, *longer)) == 1  # gains are of one recipe too
    assert made("method helps more", kd, Selector(method=("kd",)), *rows[:3]) == []  # no row beside itself


def test_the_time_that_training_took_is_said():
    online, offline = Selector(method=("od",)), Selector(method=("kd",))
    rows = [row("G(4)", "od", 0.8, train_s_with_teacher=9.0), row("G(4)", "kd", 0.8)]
    kind: pairs.Kind = "method beats method at no more training in every network"
    assert [pair.part for pair in made(kind, online, offline, *rows)] == ["in 0.90 of the time"]
    assert made(kind, online, offline, rows[0], rows[1] | {"busy": "its epochs took from 1 to 9 s"}) == []
    assert made(kind, online, offline, rows[0], rows[1] | {"seconds_on": ("B",)}) == []
    [pair] = made(kind, online, offline, *(each | {"seconds_on": ("B",)} for each in rows))
    assert pair.part == "in 0.90 of the time"  # on whichever machine, if both are of one
    assert made(kind, online, offline, *(each | {"seconds_on": ("A", "B")} for each in rows)) == []


def test_what_lacks_a_cost_is_counted():
    online, offline = Selector(method=("od",)), Selector(method=("kd",))
    kind: pairs.Kind = "method beats method at no more training in every network"

    def left(*rows: dict[str, object]) -> str:
        return pairs.left_out(kind, online, offline, pd.DataFrame(rows), None)  # type: ignore[arg-type]

    rows = [row("G(4)", "od", 0.8, train_s_with_teacher=11.0), row("G(4)", "kd", 0.8), row("G(4)", "scratch", 0.7)]
    assert left(*rows) == ""  # dearer, which is known
    doubtful = row("S", "kd", 0.8, busy="its epochs took from 1 to 9 s")
    assert left(*rows, doubtful) == ""  # of a network that has nothing to be compared with
    why = "whose seconds of training are in doubt, of a shared GPU or of different machines"
    assert left(*rows, doubtful, row("S", "od", 0.9)) == f"2 of 4 rows left out, {why}"  # it has nothing else
    assert left(*rows, doubtful, row("S", "od", 0.9), row("S", "kd", 0.8)) == f"1 of 5 rows left out, {why}"
    several = row("S", "od", 0.9, seconds_on=("A", "B"))
    assert left(*rows, row("S", "kd", 0.8), several) == f"2 of 4 rows left out, {why}"
    elsewhere = row("G(4)", "kd", 0.8, seconds_on=("B",))
    assert left(rows[0], elsewhere) == f"2 of 2 rows left out, {why}"
    assert left(row("G(4)", "od", 0.8), row("G(4)", "kd", 0.8, train_s_with_teacher=math.nan)).startswith("2 of 2")

    kind = "conv beats conv at no more latency"
    beside = row("S", "scratch", 0.9), row("G(4)", "scratch", 0.8, doubt="the machine was slow")
    told = pairs.left_out(kind, CHEAP, STANDARD, pd.DataFrame(beside), None)  # type: ignore[arg-type]
    assert told == "2 of 2 rows left out, whose latency is not known or in doubt"
    assert pairs.left_out("conv beats conv at no more macs", CHEAP, STANDARD, pd.DataFrame(beside), None) == ""  # type: ignore[arg-type]


def test_a_method_meets_training_alone_for_as_long_as_it_took():
    kind: pairs.Kind = "training alone for longer beats method at no more training"
    alone, anything = Selector(method=("scratch",)), Selector()

    def trained(method: str, epochs: int, seconds: float, variant: str = "", conv: str = "G(4)") -> dict[str, object]:
        more = {"epochs": epochs, "train_s_with_teacher": seconds, "changed": False}
        return row(conv, method, 0.8, variant=", ".join(filter(None, (variant, f"epochs={epochs}"))), **more)

    rows = [trained("scratch", 20, 5), trained("scratch", 40, 10), trained("scratch", 60, 15), trained("kd", 20, 12)]
    [pair] = made(kind, alone, anything, *rows)
    assert (pair.better["epochs"], pair.than["method"], pair.part) == (40, "kd", "in 0.83 of the time")
    # No longer training at the method's cost; none by its recipe; none of its network; seconds that are in doubt.
    assert made(kind, alone, anything, *rows[::2], rows[3]) == []
    assert made(kind, alone, anything, trained("scratch", 40, 10, "lr=0.1"), rows[3]) == []
    assert made(kind, alone, anything, trained("scratch", 40, 10, conv="G(N)"), rows[3]) == []
    assert made(kind, alone, anything, rows[1] | {"busy": "its epochs took from 1 to 9 s"}, rows[3]) == []
    assert made(kind, alone, anything, *rows[:3], rows[3] | {"changed": True}) == []
    assert made(kind, alone, anything, *rows[:3], rows[3] | {"seconds_on": ("B",)}) == []
    # Nor its own teacher, whose epochs its seconds hold.
    taught = rows[3] | {"teachers": ("40, seed 0", "40, seed 1")}
    assert made(kind, alone, anything, rows[1] | {"keys": ("40, seed 0",)}, taught) == []
    assert len(made(kind, alone, anything, rows[1] | {"keys": ("other, seed 0",)}, taught)) == 1
    online = trained("od", 20, 11) | {"variant": "epochs=20, no teacher"}
    assert len(made(kind, alone, anything, *rows, online)) == 2


def test_or_for_as_many_multiply_adds_on_whatever_machines():
    kind: pairs.Kind = "training alone for longer beats method at no more training compute"

    def trained(method: str, epochs: int, macs: float, *machines: str) -> dict[str, object]:
        more = {"epochs": epochs, "train_macs_with_teacher": macs, "changed": False, "seconds_on": machines}
        return row("G(4)", method, 0.8, variant=f"epochs={epochs}", **more)

    rows = [trained("scratch", 20, 5, "A"), trained("scratch", 40, 10, "B"), trained("scratch", 60, 15, "A")]
    found_ones = made(kind, Selector(method=("scratch",)), Selector(), *rows, trained("kd", 20, 12, "A", "B"))
    assert [(pair.better["epochs"], pair.part) for pair in found_ones] == [(40, "with 0.83 of the multiply-adds")]
    uncounted = [trained("kd", 20, math.nan, "A"), trained("at", 20, 4, "A")]
    assert made(kind, Selector(method=("scratch",)), Selector(), *rows, *uncounted) == []


@pytest.mark.parametrize(
    ("variant", "rest"),
    [("", ""), ("epochs=20", ""), ("lr=0.1, epochs=20", "lr=0.1"), ("epochs=20, lr=0.1, teacher=WRN-16-2 S", "lr=0.1")],
)
def test_recipes_are_compared_without_their_epochs(variant, rest):
    assert pairs.but_epochs(variant) == rest
