"""Silence around what libraries say while they convert and load: warnings about themselves, programs, praise."""

import contextlib
import io
import logging
import os
import warnings
from collections.abc import Iterator


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """In it, Python code says nothing on stdout or stderr, and warns and logs nothing below an error."""
    nothing = io.StringIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(nothing), contextlib.redirect_stderr(nothing):
        warnings.simplefilter("ignore")
        disabled = logging.root.manager.disable
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(disabled)


@contextlib.contextmanager
def quiet_below(stream: int = 1) -> Iterator[None]:
    """In it, nothing reaches stdout (or stderr, 2), C code included. For moments: it is the whole process's."""
    kept, nothing = os.dup(stream), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, stream)
        yield
    finally:
        os.dup2(kept, stream)
        os.close(kept)
        os.close(nothing)
