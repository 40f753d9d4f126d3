"""Where a network's time goes: its operators by kind, by the profile of the runtime that it is timed in.

A profile slows what it looks at, so it is taken beside a timing and not of it: shares are what it is good for.
"""

import logging

from cheapconv.catalog.errors import reason
from cheapconv.engine.measure.runtimes.base import Job, Prepared, Runtime
from cheapconv.engine.measure.turn import Turn
from cheapconv.engine.store.operators import Operator

log = logging.getLogger(__name__)


def operators(runtime: Runtime, prepared: Prepared, job: Job, turn: Turn, name: str) -> tuple[Operator, ...]:
    """Those of a prepared network, whose files are still there; none of a runtime without a profile of its own.

    A profile that fails is a warning: the network can be timed without.
    """
    with turn.taken(name):
        try:
            return runtime.operators(prepared, job) or ()
        except Exception as error:  # a runtime fails in ways of its own
            log.warning("%s has no profile of %s (%s)", runtime.label, name, reason(error).rstrip("."))
            return ()
