"""A report that follows a sweep: written anew whenever its cells have changed, until all of them have ended."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from cheapconv.catalog.errors import UserError
from cheapconv.engine.store.runs import Store

EVERY_S = 10.0
ENDED = ("done", "failed")
States = tuple[tuple[str, str, int], ...]


def follow(
    store: Path, sweep: str, write: Callable[[bool], object], pause: Callable[[float], None] = time.sleep
) -> Iterator[str]:
    """Write at every change of the cells, with a line for each time; ends with the last one, as `write` is told.

    A report that cannot be made yet, since nothing is done, is waited for; a sweep that has no plan is a UserError.
    """
    before: States | None = None
    while True:
        now = states(store, sweep)
        if now != before:
            before = now
            ended = sum(state in ENDED for _, state, _ in now)
            try:
                write(ended == len(now))
                yield f"written: {ended} of {len(now)} cells have ended"
            except UserError as error:
                if ended == len(now) or any(state == "done" for _, state, _ in now):
                    raise
                yield f"waiting: {str(error).rstrip('.')}"
            if ended == len(now):
                return
        pause(EVERY_S)


def states(store: Path, sweep: str) -> States:
    """Key, state and epoch of each planned cell."""
    runs = Store(store)
    found = [(planned.key, runs.run(planned.key).state()) for planned in runs.known_plan(sweep).cells]
    return tuple((key, state.state, state.epoch) for key, state in found)
