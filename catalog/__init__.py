"""The ground floor: everything that can be named in a registry gets its name here, and is built from it."""

from cheapconv.catalog.code import code_of
from cheapconv.catalog.entries import Registered, build, entry, load, names, plugins, plugins_of, register
from cheapconv.catalog.spelling import canonical, label, parse

__all__ = [
    "Registered",
    "build",
    "canonical",
    "code_of",
    "entry",
    "label",
    "load",
    "names",
    "parse",
    "plugins",
    "plugins_of",
    "register",
]
