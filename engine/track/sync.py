"""`cheapconv sync`, and the report that goes to MLflow when it is rendered."""

import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from cheapconv.catalog.errors import UserError
from cheapconv.engine.store.runs import Store
from cheapconv.engine.track import sweep as sweeps
from cheapconv.engine.track.follow import Follower, follow, lagging
from cheapconv.engine.track.mirror import Mirror, experiment_of, link
from cheapconv.engine.track.redact import public
from cheapconv.engine.track.server import silent, tracking_uri
from cheapconv.engine.track.tracked import STATUS

REFUSED = 1  # exit code of a sync that had to leave cells out


def command(sweep: str, folder: Path, option: str | None, keep_on: bool) -> int:
    """`cheapconv sync`, with `--follow` if it is to keep on; the exit code."""
    uri, store = tracking_uri(option), Store(folder)
    if uri is None:
        raise UserError("there is nowhere to send to: name a server or database with --mlflow or MLFLOW_TRACKING_URI.")
    counts: dict[str, int] = {}
    if keep_on:
        why = follow(Follower(store, Mirror(store, sweeps.read(store, sweep), uri), uri))
        lines = [lagging(store, sweep, uri, why)] if why else []
    else:
        counts = sync(store, sweep, uri)
        told = ", ".join(f"{number} {what.replace('_', ' ')}" for what, number in counts.items())
        lines = [f"{sweep} in {public(uri)}: {told}", f"Tracking: {link(store, sweep, uri)}"]
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return REFUSED if counts.get("refused") else 0


def sync(store: Store, sweep: str, uri: str) -> dict[str, int]:
    """Send what MLflow lacks of every started cell; how many were sent, unchanged, refused or not yet started."""
    plan = sweeps.read(store, sweep)
    if not os.access(store.root, os.W_OK):
        raise UserError(f"the store {store.root} cannot be written, where sync notes what was sent: see to its rights.")
    follower = Follower(store, Mirror(store, plan, uri, ask=True), uri)
    follower.look(last=True)
    if follower.failure:
        raise silent(uri, follower.failure)
    started = sum(store.run(key).state().state in (*STATUS, "damaged", "unreadable") for key in follower.keys)
    sent, refused = len(+follower.sent), len(follower.refused)
    counts = {"sent": sent, "unchanged": started - sent - refused, "refused": refused}
    return counts | {"not_started": len(follower.keys) - started}


def attach(folder: Path, sweep: str, files: Sequence[Path], option: str | None) -> None:
    """Attach a rendered report where the sweep is tracked; a server that does not answer gets it by `sync`."""
    uri, store = tracking_uri(option), Store(folder)
    if uri and experiment_of(store, sweep, uri):
        with contextlib.suppress(PermissionError):  # a report of a store that may only be read
            Mirror(store, sweeps.read(store, sweep), uri).attach(files)
