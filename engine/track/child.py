"""The follower of a run as a process of its own, which neither a server nor MLflow's import can make the run wait for.

It lives in a session of its own, so that a Ctrl-C on the terminal is the run's alone, and ends when its standard input
does: when the run closes it, or is killed.
"""

import contextlib
import logging
import os
import select
import subprocess
import sys
from collections.abc import Iterator

from cheapconv.catalog.printable import printable
from cheapconv.engine.store.runs import Store
from cheapconv.engine.track.follow import lagging
from cheapconv.engine.track.redact import quotes_secret

PATIENCE_S = 60.0  # importing MLflow and making a new database take that long on a busy machine; a dead server, 4 s

log = logging.getLogger(__name__)


@contextlib.contextmanager
def following(store: Store, sweep: str, uri: str | None, patience_s: float = PATIENCE_S) -> Iterator[None]:
    """Around a run of a planned sweep: MLflow at `uri` (nowhere if None) learns what the run folders come to hold.

    At the end it is waited for as long as it settles a cell every `patience_s`; the rest is left to the next run.
    What it has to say is logged then, so that it disturbs no display meanwhile.
    """
    if uri is None:
        yield
        return
    # -P: a file of the user's that is named like a module stays out of the way.
    command = [sys.executable, "-P", "-m", "cheapconv.runner", "sync", sweep, "--store", str(store.root), "--follow"]
    environment = {**os.environ, "MLFLOW_TRACKING_URI": uri}  # passwords are no arguments, which everybody may read
    with start(command, environment) as process:
        try:
            yield
        finally:
            silence = lagging(store, sweep, uri, f"nothing within {patience_s:g} s")
            for line in finish(process, patience_s, silence):
                log.warning("%s", line if not quotes_secret(line, uri) else silence)


def start(command: list[str], environment: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    """A process that can be told to end, and heard."""
    pipe, both = subprocess.PIPE, subprocess.STDOUT
    return subprocess.Popen(
        command, bufsize=0, stdin=pipe, stdout=pipe, stderr=both, env=environment, start_new_session=True
    )


def finish(process: subprocess.Popen[bytes], patience_s: float, silence: str) -> list[str]:
    """Tell the process to end and listen until it has; where it falls silent it is killed, and `silence` is added."""
    assert process.stdin
    assert process.stdout
    process.stdin.close()
    said = b""
    while select.select([process.stdout], [], [], patience_s)[0]:
        if not (chunk := os.read(process.stdout.fileno(), 4096)):
            break
        said += chunk
    else:
        process.kill()
        said += b"\n" + silence.encode()
    return [printable(line) for line in said.decode(errors="replace").splitlines() if line]
