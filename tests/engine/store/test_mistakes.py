"""The mistakes of a cell's networks: what was written is read, or nothing is."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from cheapconv.engine.store import mistakes
from cheapconv.engine.store.runs import MISTAKES, Run, Store
from tests.engine.store.test_runs import DONE

FOUND = {"student1": np.array([0, 3, 0, 10, 0] * 2, dtype=np.int32), "student2": np.array([0, 0, 0, 300, 0] * 2)}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    (tmp_path / "a").mkdir()
    return Store(tmp_path).run("a")


def written(run: Run, found: dict[str, np.ndarray] = FOUND) -> dict[str, np.ndarray] | None:
    """What is read after a result that was written with it."""
    mistakes.write(run, found)
    run.finish(DONE)
    return read(run)


def read(run: Run) -> dict[str, np.ndarray] | None:
    result = run.result()
    assert result is not None
    return mistakes.read(run, result)


def test_they_are_read_as_they_were_written(run: Run) -> None:
    found = written(run)
    assert found is not None
    assert {name: array.tolist() for name, array in found.items()} == {n: a.tolist() for n, a in FOUND.items()}


def test_an_image_takes_a_quarter_of_a_byte(run: Run) -> None:
    """At 86 % of CIFAR-10, of which a report has hundreds."""
    random = np.random.default_rng(0)
    written(run, {"student": np.where(random.random(10_000) < 0.86, 0, random.integers(1, 11, 10_000))})
    assert (run.folder / MISTAKES).stat().st_size < 10_000 / 4


def test_the_same_mistakes_are_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        mistakes.write(Store(tmp_path).run(name), FOUND)
    one, other = ((tmp_path / name / MISTAKES).read_bytes() for name in ("one", "other"))
    assert one == other


def test_a_file_that_its_result_does_not_know_is_none(run: Run) -> None:
    run.finish(DONE)
    mistakes.write(run, FOUND)
    assert read(run) is None


def test_one_that_was_changed_is_none(run: Run) -> None:
    written(run)
    mistakes.write(run, {"student1": np.zeros(10, dtype=int)})
    assert read(run) is None


def test_one_that_is_gone_is_none(run: Run) -> None:
    written(run)
    (run.folder / MISTAKES).unlink()
    assert read(run) is None


def forged(**arrays: object) -> bytes:
    """An archive of these members, arrays or bytes."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, found in arrays.items():
            member = io.BytesIO()
            if isinstance(found, bytes):
                member.write(found)
            else:
                np.save(member, np.asarray(found))
            archive.writestr(f"{name}.npy", member.getvalue())
    return written.getvalue()


LONG = (
    b"\x93NUMPY\x01\x00v\x00{'descr': '<i8', 'fortran_order': False, 'shape': (1000000000000000,), }".ljust(127) + b"\n"
)


@pytest.mark.parametrize(
    "written",
    [
        b"",
        b"no archive",
        forged(student=LONG),
        forged(student=b"no array"),
        forged(student=0),
        forged(student=[]),
        forged(student=np.zeros((10, 2), dtype=int)),
        forged(student=np.zeros(10)),
        forged(student=np.zeros(1_000_000, dtype=int)),
        forged(student=np.zeros(10, dtype=int))[:-40],
    ],
)
def test_one_that_holds_something_else_is_none_whatever_its_result_says(run: Run, written: bytes) -> None:
    (run.folder / MISTAKES).write_bytes(written)
    run.finish(DONE)
    assert read(run) is None


def test_without_any_there_is_no_file_of_an_attempt_before(run: Run) -> None:
    mistakes.write(run, FOUND)
    mistakes.write(run, {})
    assert not (run.folder / MISTAKES).exists()
