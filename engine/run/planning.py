"""A sweep of the registry as a plan whose every cell was rehearsed."""

import functools

from cheapconv.engine.plan import cells
from cheapconv.engine.train.rehearsal import rehearse

plan = functools.partial(cells.plan, rehearse=rehearse)
