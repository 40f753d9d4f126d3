"""Processes of this machine that a run starts: forked from one that has imported for all of them."""

import signal
from collections.abc import Callable
from multiprocessing import Pipe, get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from cheapconv.engine.run.interrupt import BLOCKED


def forked(target: Callable[..., None], *arguments: object) -> BaseProcess:
    """One that begins with `target`. No Ctrl-C reaches it while it imports: it would end of it before it can listen."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["cheapconv.engine.run.preloaded"])
    process = context.Process(target=target, args=arguments)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, BLOCKED)
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return process


def connected(target: Callable[..., None], *arguments: object) -> tuple[BaseProcess, Connection]:
    """The same with a connection to it, of which its end is the first argument; when it ends, so does that."""
    ours, theirs = Pipe()
    process = forked(target, theirs, *arguments)
    theirs.close()  # of which it has its own by now
    return process, ours
