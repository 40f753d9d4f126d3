"""What every worker needs, imported once by the process that they are forked from; it starts no thread and no GPU."""

from cheapconv import catalog
from cheapconv.engine.run import worker

__all__ = ["worker"]

catalog.load()
