"""A disk that is full from some operation on: one sentence, never half a file in a whole one's place, equal bits."""

import errno
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cheapconv.catalog.errors import UserError
from cheapconv.engine.plan.plan import Plan
from cheapconv.engine.run import session
from cheapconv.engine.run.settings import Settings
from cheapconv.engine.store.files import TEMPORARY
from cheapconv.engine.store.runs import Store
from tests.engine import tiny
from tests.engine.outcomes import assert_same

OPERATIONS = ((tempfile, "mkstemp"), (Path, "write_bytes"), (os, "fsync"), (Path, "replace"), (Path, "mkdir"))
NEVER = 10**9


@contextmanager
def full_after(operations: int) -> Iterator[list[str]]:
    """A disk on which no operation succeeds after so many; those that were tried."""
    tried: list[str] = []

    def guarded(name: str, operation: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **options: Any) -> Any:
            tried.append(name)
            if len(tried) > operations:
                if name == "write_bytes":
                    operation(args[0], args[1][: len(args[1]) // 2])
                raise OSError(errno.ENOSPC, "No space left on device")
            return operation(*args, **options)

        return wrapped

    with pytest.MonkeyPatch.context() as patch:
        for place, name in OPERATIONS:
            patch.setattr(place, name, guarded(name, getattr(place, name)))
        yield tried


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Plan, Store, int]]:
    """A sweep, its store when it ran on a disk with room, and the number of operations that this took."""
    with pytest.MonkeyPatch.context() as patch:
        tiny.install(patch)
        tiny.skip_timing(patch)
        tiny.skip_mlflow(patch)
        whole, store = tiny.planned_by("kd", epochs=1), Store(tmp_path_factory.mktemp("disk") / "unbroken")
        with full_after(NEVER) as tried:
            assert run(whole, store) == session.DONE
        yield whole, store, len(tried)


def run(whole: Plan, store: Store) -> int:
    settings = Settings(device="cpu", threads=1, mlflow=tiny.NO_MLFLOW)
    return session.run(whole, whole, store.root, settings)


def check(world: tuple[Plan, Store, int], store: Store, operations: int) -> None:
    whole, unbroken, _ = world
    with full_after(operations), pytest.raises(UserError, match=f"the store {store.root} can.*No space left"):
        run(whole, store)
    assert not list(store.root.rglob(f"{TEMPORARY}*"))
    assert run(whole, store) == session.DONE
    for planned in whole.cells:
        assert_same(store, unbroken, planned.cell.key)


@pytest.mark.parametrize("share", [0.0, 0.2, 0.45, 0.7, 0.99])
def test_a_disk_that_fills_up_ends_the_run_in_a_sentence_and_costs_no_bit(share, world, tmp_path):
    check(world, Store(tmp_path / "runs"), int(share * world[2]))


@pytest.mark.slow
def test_a_disk_may_fill_up_at_any_operation(world, tmp_path):
    for operations in range(world[2]):
        check(world, Store(tmp_path / f"{operations}"), operations)
