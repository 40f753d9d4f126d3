"""Importing modules that register things, so that whatever is wrong in one is a sentence with its file and line."""

import contextlib
import importlib
import sys
import traceback
from pathlib import Path

from cheapconv.catalog.errors import UserError, short
from cheapconv.catalog.foreign import said

MACHINERY = (__file__, importlib.__file__, contextlib.__file__)  # of an import, and not of what is imported


def import_plugin(name: str) -> None:
    """Import a module that registers things; a UserError says why it cannot be, and where in it that is."""
    if not name or name.startswith("."):
        raise UserError(
            f"plugin '{short(name)}' is relative: give the whole name of the module, such as my_package.my_convs."
        )
    before = [*sys.path]
    try:
        with contextlib.redirect_stdout(sys.stderr):  # stdout may be promised to one JSON document
            importlib.import_module(name)
    except UserError as error:
        where = _place(error)
        raise UserError(f"{str(error).rstrip('.')}{f' ({where})' if where else ''}.") from error
    except (Exception, SystemExit) as error:  # whatever a user's code does when it is imported, but for Ctrl-C
        where = _place(error)
        fix = f", {where}); mend it there." if where else "); is it installed or on PYTHONPATH?"
        raise UserError(f"plugin '{short(name)}' cannot be imported ({said(error)}{fix}") from error
    finally:
        # What a plugin puts before our own libraries would hide them from whoever imports one later.
        sys.path[:] = [*before, *(folder for folder in sys.path if folder not in before)]


def _place(error: BaseException) -> str | None:
    """File and line of the user's code that an import ended in; None if it never came to any."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith("<frozen")]
    frames = [frame for frame in frames if frame.filename not in MACHINERY]
    folders = Path(frames[0].filename).parents if frames else ()
    own = [frame for frame in frames if folders and Path(frame.filename).is_relative_to(folders[0])]
    return f"{own[-1].filename}:{own[-1].lineno}" if own else None
