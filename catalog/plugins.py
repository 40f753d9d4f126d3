"""Importing a user's own modules, so that whatever is wrong in one is a sentence with its file and line."""

import importlib
import traceback
from pathlib import Path

from cheapconv.catalog.errors import UserError, short


def import_plugin(name: str) -> None:
    """Import a module that registers things; a UserError says why it cannot be, and where in it that is."""
    if not name or name.startswith("."):
        raise UserError(
            f"plugin '{short(name)}' is relative: give the whole name of the module, such as my_package.my_convs."
        )
    try:
        importlib.import_module(name)
    except UserError:
        raise
    except (Exception, SystemExit) as error:  # whatever a user's code does when it is imported, but for Ctrl-C
        said = error.msg if isinstance(error, SyntaxError | ImportError) else str(error)
        reason = short(" ".join(f"{type(error).__name__}: {said}".split()), 200)
        where = _place(error)
        fix = f", {where}); mend it there." if where else "); is it installed or on PYTHONPATH?"
        raise UserError(f"plugin '{short(name)}' cannot be imported ({reason}{fix}") from error


def _place(error: BaseException) -> str | None:
    """File and line of the user's code that an import ended in; None if it never came to any."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not _is_machinery(frame.filename)]
    folders = Path(frames[0].filename).parents if frames else ()
    own = [frame for frame in frames if folders and Path(frame.filename).is_relative_to(folders[0])]
    return f"{own[-1].filename}:{own[-1].lineno}" if own else None


def _is_machinery(filename: str) -> bool:
    """Whether a file is a part of what imports, and not of what is imported."""
    return filename.startswith("<frozen") or filename in (__file__, importlib.__file__)
