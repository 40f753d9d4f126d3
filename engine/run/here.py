"""The folder in which the command runs: modules of the user's own may lie there, beside the registry naming them."""

import contextlib
import sys
from pathlib import Path


def look() -> None:
    """From here on it is looked into for modules, after everything that is installed."""
    with contextlib.suppress(OSError):  # it is gone
        sys.path.append(str(Path.cwd()))
