"""What every worker needs, imported once by the process that they are forked from; it starts no thread and no GPU."""

import ptflops  # by which each counts its networks: with what it imports, two seconds of a worker

from cheapconv import catalog
from cheapconv.engine.run import worker

__all__ = ["ptflops", "worker"]

catalog.load()
