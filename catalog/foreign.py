"""Code that is not ours, a plugin's: whatever it raises becomes a sentence with its file and line.

Something is a plugin's if it stands in the package, or the file, of a class that is registered from outside of this
package.
"""

import contextlib
import inspect
import sys
import traceback
from collections.abc import Iterator

from cheapconv.catalog.errors import UserError, short

ROOT = "cheapconv"

_classes: set[type] = set()  # those of plugins


@contextlib.contextmanager
def explained(*passed: type[BaseException]) -> Iterator[None]:
    """In it, what a plugin raises is a UserError, but for the kinds that are `passed`.

    Some mistakes show only in our code, where something is used that a plugin has returned. They are those of the
    plugin whose class, or an object of it, is in hand there. Anything else goes on as it is.
    """
    as_they_are: tuple[type[BaseException], ...] = (UserError, KeyboardInterrupt, *passed)
    try:
        yield
    except as_they_are:
        raise
    except BaseException as error:  # SystemExit too
        if place := where(error):
            raise UserError(f"a plugin fails ({said(error)}, {place}); mend it there.") from error
        raise


def note(cls: type) -> None:
    """Remember a class that is registered, if it is a plugin's."""
    if not is_own(cls):
        _classes.add(cls)


def is_own(cls: type) -> bool:
    """Whether a class is a part of this package."""
    return cls.__module__.partition(".")[0] == ROOT


def said(error: BaseException) -> str:
    """Kind and text of an error, on one line."""
    text = error.msg if isinstance(error, SyntaxError | ImportError) else str(error)
    return short(" ".join(f"{type(error).__name__}: {text}".split()), 200)


def where(error: BaseException) -> str | None:
    """File and line of the plugin that an error comes from; None if it comes from none."""
    homes = {cls.__module__.partition(".")[0] for cls in _classes}
    frames = [*traceback.walk_tb(error.__traceback__)][::-1]
    for frame, line in frames:
        if str(frame.f_globals.get("__name__")).partition(".")[0] in homes:
            return f"{frame.f_code.co_filename}:{line}"
    # The classes that the variables of a frame are, are of, or stand for in the catalog.
    variables = (value for frame, _ in frames for value in tuple(frame.f_locals.values()))
    things = (inspect.getattr_static(value, "cls", value) for value in variables)
    classes = (thing if isinstance(thing, type) else type(thing) for thing in things)
    held = (cls for cls in classes if cls in _classes)
    return next(map(place_of, held), None) if isinstance(error, Exception) else None


def place_of(cls: type) -> str:
    """File and line of a class."""
    try:
        return f"{inspect.getsourcefile(cls)}:{inspect.findsource(cls)[1] + 1}"
    except (OSError, TypeError):  # made by a call, or typed into an interpreter
        return f"{getattr(sys.modules.get(cls.__module__), '__file__', cls.__module__)}:1"
