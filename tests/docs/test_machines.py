"""How far a cell of two machines ends from itself, worked out by hand."""

import math
import shutil
from pathlib import Path

import numpy as np
import pytest

from cheapconv.docs.machines import AGAIN, NONE, half_width, machines
from cheapconv.engine.store import machines as kept
from cheapconv.engine.store import runs
from cheapconv.reports.answers.content import Content, build
from tests.reports.store import ENVIRONMENT, Store


def sweep(root: Path, name: str, device: str, *mistakes: list[int]) -> Content:
    """A row with a seed for each list of mistakes, trained on that device."""
    store = Store(root / name)
    for seed, found in enumerate(mistakes):
        key = store.add("S", "scratch", seed, found.count(0) / len(found), test_images=len(found))
        store.write(f"{key}/environment.json", [ENVIRONMENT | {"device_name": device}])
        store.answer(key, found)
    return build(store.plan(name), name)


def test_cells_of_two_machines_beside_seeds_of_one(tmp_path: Path) -> None:
    cpu = sweep(tmp_path, "one", "Small CPU", [0, 0, 0, 0, 0, 0, 0, 1, 1, 1], [0, 0, 0, 0, 0, 0, 0, 0, 1, 2])
    gpu = sweep(tmp_path, "two", "Large GPU", [0, 0, 0, 0, 0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0, 0, 0, 2, 1, 2])
    [*_, line] = machines([cpu, gpu]).splitlines()
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    # 70 and 90 %, 80 and 70 %: +20 and -10, of mean 5 and deviation 21.2, so 12.7 (t of one degree) times 15 is 190.6;
    # the root of the mean square is that of 250.
    assert cells[:5] == ["one", "two", "2", "Small CPU", "Large GPU"]
    assert cells[5:7] == ["+5.00 (-185.59 to 195.59)", "15.81"]
    # Two seeds on the CPU: 10 points apart, and two images answered otherwise; machines: two images, then one.
    assert cells[7:] == ["10.00", "15.0", "20.0"]


def test_cells_that_were_trained_again_beside_seeds_of_their_sweep(tmp_path: Path) -> None:
    sweep(tmp_path, "one", "Small CPU", [0, 0, 0, 1], [0, 0, 1, 1])
    sweep(tmp_path, "two", "Large GPU", [0, 0, 0, 0], [0, 0, 0, 2])
    own, other = runs.Store(tmp_path / "one"), runs.Store(tmp_path / "two")
    for planned in other.known_plan("two").cells:
        training = other.run(planned.key)
        place = kept.place(own, training)
        shutil.copytree(training.folder, place.folder)
        kept.note(own, place, same=False)
    [*_, line] = machines([build(own.root, "one")]).splitlines()
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    # +25 points twice; seeds 25 apart. Answers: one image of four, then two; the seeds' one.
    assert cells == [
        *("one", AGAIN, "2", "Small CPU", "Large GPU", "+25.00 (25.00 to 25.00)"),
        *("25.00", "25.00", "37.5", "25.0"),
    ]


def test_cells_of_one_machine_say_nothing(tmp_path: Path) -> None:
    found = [sweep(tmp_path, name, "Small CPU", [0, 1], [1, 1]) for name in ("one", "two")]
    assert machines(found) == NONE


def test_cells_that_err_together_are_fewer_than_they_seem() -> None:
    # Of mean 2, without a cluster 4 and 1: half of 4 and 1 together is the variance.
    assert half_width(np.array([0.0, 2.0, 4.0]), ["a", "a", "b"]) == pytest.approx(12.7062047 * 2.5**0.5)
    # Each for itself: the usual one, of deviation 2 over the root of 3.
    assert half_width(np.array([0.0, 2.0, 4.0]), ["a", "b", "c"]) == pytest.approx(4.30265273 * 2 / 3**0.5)
    assert half_width(np.array([0.0, 2.0]), ["a", "a"]) == math.inf
