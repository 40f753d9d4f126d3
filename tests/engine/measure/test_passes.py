"""Passes over several networks: who is timed when, what is pooled, what is measured again and what is in doubt."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from cheapconv.engine.measure import passes, turn
from cheapconv.engine.measure.calibration import Calibration, Speed
from cheapconv.engine.measure.passes import PASSES, Measuring, Slice, Step, Stopwatch, Work, uneven
from cheapconv.engine.measure.turn import Turn
from tests.engine.timed import Watch
from tests.engine.tiny import CPU

SHAPE = (3, 8, 8)


@pytest.fixture(autouse=True)
def own_turn(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nobody else times here."""
    monkeypatch.setattr(turn.tempfile, "gettempdir", lambda: str(tmp_path))


def works(names: str) -> dict[str, Work]:
    """A work for each letter; nobody runs it."""
    return {name: Work(f"net {name}", one=lambda x: x, many=lambda x: x, shape=SHAPE) for name in names}


def order(names: str) -> list[str]:
    """In which the works are timed, a word a pass."""
    watch = Watch()
    Measuring(watch, Turn()).take(works(names))
    sliced = "".join(name[-1] for name in watch.sliced)
    return [sliced[i : i + len(names)] for i in range(0, len(sliced), len(names))]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("a", ["a"] * 5),
        ("ab", ["ab", "ba", "ab", "ba", "ab"]),
        ("abc", ["abc", "bca", "cab", "abc", "bca"]),
        ("abcdefghij", ["abcdefghij", "cdefghijab", "efghijabcd", "ghijabcdef", "ijabcdefgh"]),
    ],
)
def test_every_pass_begins_with_another_network(names, expected):
    assert order(names) == expected


def test_the_slices_of_a_network_are_pooled():
    watch = Watch(one_s=0.002, many_s=0.3)
    measuring = Measuring(watch, Turn())
    assert measuring.lacking("a") == PASSES
    measuring.take(works("ab"))
    pooled = measuring.pooled("a")
    assert pooled.one_s == [0.002] * 2 * PASSES
    assert pooled.many_s == [0.3] * 2 * PASSES
    assert (pooled.speed, pooled.doubt) == (Speed(60.0, 10.0), "")
    assert measuring.lacking("a") == measuring.lacking("b") == 0


@pytest.mark.parametrize(
    ("one_s", "many_s", "doubt"),
    [
        ([0.010, 0.010, 0.019, 0.019], [0.010, 0.010, 0.0125, 0.0125], ""),
        ([0.010, 0.010, 0.021, 0.021], [], "an image took at most 10 ms, another at least 21 ms"),
        ([0.010], [0.010, 0.010, 0.020, 0.020], "a batch took at most 10 ms, another at least 20 ms"),
    ],
)
def test_runs_that_take_too_different_times_are_in_doubt(one_s, many_s, doubt):
    """Of something else that runs all the while the calibration sees nothing: it is as slow at all times."""
    still = Speed(60.0, 10.0)
    told = uneven([Slice(one_s, many_s, still, still)])
    assert told == (f"a quarter of the runs of {doubt}" if doubt else "")


def test_the_machine_is_calibrated_between_any_two_slices():
    watch = Watch()
    Measuring(watch, Turn()).take(works("abc"))
    assert watch.asked == PASSES * (3 + 1)


def test_it_is_told_where_the_measuring_is():
    told: list[Step] = []
    Measuring(Watch(), Turn(), told.append).take(works("ab"))
    assert [str(step) for step in told[:3]] == [
        "pass 1 of 5, network 1 of 2: net a",
        "pass 1 of 5, network 2 of 2: net b",
        "pass 2 of 5, network 1 of 2: net b",
    ]


def test_what_was_timed_at_a_slow_moment_is_timed_again_and_forgotten():
    # Passes of a, b and b, a ask three times each; the machine is slow at the second question: after a and before b.
    watch = Watch([1.0, 0.5])
    measuring = Measuring(watch, Turn())
    both = works("ab")
    measuring.take(both)
    assert (measuring.lacking("a"), measuring.lacking("b")) == (1, 1)
    assert "50 %" in measuring.pooled("b").doubt
    watch.sliced.clear()
    measuring.take(both)
    assert watch.sliced == ["net a", "net b"]  # one pass is all that is lacking
    assert measuring.lacking("b") == 0
    pooled = measuring.pooled("b")
    assert (pooled.one_s, pooled.doubt) == ([0.001] * 2 * PASSES, "")


def test_a_network_that_nothing_slowed_is_left_alone():
    watch = Watch([1.0, 1.0, 0.8])  # after b alone
    measuring = Measuring(watch, Turn())
    measuring.take(works("ab"))
    assert (measuring.lacking("a"), measuring.lacking("b")) == (0, 1)


def test_fifteen_percent_are_allowed():
    measuring = Measuring(Watch([0.86] * 5), Turn())
    measuring.take(works("ab"))
    assert measuring.lacking("a") == measuring.lacking("b") == 0


def test_a_machine_that_is_found_to_be_faster_later_puts_earlier_slices_in_doubt():
    measuring = Measuring(Watch([0.6] * (PASSES * 2)), Turn())
    measuring.take(works("a"))
    assert measuring.lacking("a") == 0
    measuring.take(works("b"))
    assert (measuring.lacking("a"), measuring.lacking("b")) == (PASSES, 0)
    assert measuring.pooled("a").doubt == "at times the machine was at 60 % of the best speed of that measuring"


def test_a_short_boost_is_not_the_speed_that_the_rest_is_held_to():
    measuring = Measuring(Watch([1.0] * 19 + [2.0]), Turn())
    measuring.take(works("abc"))
    assert measuring.lacking("a") == 0


def test_either_number_can_be_off():
    best = Speed(100.0, 10.0)
    assert Speed(90.0, 5.0).share_of(best) == 0.5
    assert Speed(40.0, 10.0).share_of(best) == 0.4
    assert Speed.middle([Speed(1.0, 9.0), Speed(2.0, 8.0), Speed(9.0, 1.0)]) == Speed(2.0, 8.0)


def test_a_stopwatch_runs_one_image_on_one_thread_and_a_batch_on_all():
    torch.set_num_threads(2)
    ran: dict[str, list[tuple[tuple[int, ...], int, bool]]] = {"one": [], "many": []}

    def run(kind: str, x: Tensor) -> None:
        ran[kind].append((tuple(x.shape), torch.get_num_threads(), torch.is_inference_mode_enabled()))

    watch = Stopwatch(CPU)
    work = Work("net", one=lambda x: run("one", x), many=lambda x: run("many", x), shape=SHAPE)
    watch.warm(work)
    assert 2 <= len(ran["one"]) <= passes.WARM_UP_RUNS
    ran["one"].clear()
    one_s, _ = watch.slice(work)
    assert len(ran["one"]) == len(one_s) + passes.BEFORE
    assert {*ran["one"]} == {((1, *SHAPE), 1, True)}
    assert {*ran["many"]} == {((128, *SHAPE), 2, True)}


def test_the_calibration_counts_operations_and_bytes(durations):
    """2 * 1024 * 1024 * 256 operations in half a second, and 4 M float32 numbers read and written in half a second."""
    durations(0.5)
    found = Calibration(CPU)()
    assert found.gflops == pytest.approx(2 * 1024 * 1024 * 256 / 0.5 / 1e9)
    assert found.gb_per_s == pytest.approx(2 * 4 * 1024**2 * 4 / 0.5 / 1e9)


@pytest.mark.gpu
def test_a_calibration_on_cuda_is_synchronised():
    """Otherwise a product would seem to take microseconds."""
    assert 1e3 < Calibration(torch.device("cuda"))().gflops < 1e6
