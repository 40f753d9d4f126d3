"""A YAML file that knows the line of each of its values, so that an error can point at it.

YAML 1.2; duplicate keys are refused, as are names that are no text, and what is nested or repeated by aliases beyond
any registry.
"""

import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError, SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, ReusedAnchorWarning, YAMLError
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, Event, ScalarEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from cheapconv.catalog.errors import UserError, short

Location = tuple[str | int, ...]  # keys and positions from the root of the file to a value
MOST_BYTES, MOST_VALUES, MOST_LEVELS = 2**18, 20_000, 40  # a thousand entries have half of it; ten levels are usual
_CORE = "tag:yaml.org,2002:"
_KINDS = {"int": "a number", "float": "a number", "bool": "true or false", "null": "nothing", "timestamp": "a date"}
_NO_TEXT = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")  # what only an escape can bring into a text


class YamlFile:
    """The values of a YAML file and where they stand; a file that cannot be read is a UserError."""

    def __init__(self, path: Path | str) -> None:
        self.name = str(path)
        try:
            with Path(path).open("rb") as file:
                data = file.read(MOST_BYTES + 1)  # no more, because it may be a device that never ends
            if len(data) > MOST_BYTES:
                raise UserError(f"{self.name} has more than {MOST_BYTES:,} bytes: split it into several registries.")
            text = data.decode()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ReusedAnchorWarning)  # YAML 1.2 allows it
                _check_size(YAML(typ="safe", pure=True).parse(text))
                yaml = YAML(typ="safe", pure=True)
                yaml.Constructor = _Constructor
                self._root: Node | None = yaml.compose(text)
            if self._root is None:
                raise UserError(f"{self.name}:1: the file is empty; write sweeps into it.")
            _check_texts(self._root)
            self.values: Any = yaml.constructor.construct_document(self._root)
        except FileNotFoundError as error:
            raise UserError(f"{self.name} does not exist; give the path of a registry file.") from error
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{self.name} cannot be read as text ({error}).") from error
        except _Refused as error:
            raise UserError(f"{self.name}:{error.problem_mark.line + 1}: {error.problem}") from error
        except MarkedYAMLError as error:
            fix = "keep one" if isinstance(error, DuplicateKeyError) else "check brackets, quotes and indentation"
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise UserError(f"{self.name}:{line}: {short(error.problem)}; {fix}.") from error
        except (YAMLError, ValueError, AssertionError, LookupError, ArithmeticError) as error:  # of ruamel's scanner
            reason = short(" ".join(str(error).split()) or type(error).__name__)
            raise UserError(f"{self.name} is no YAML file: {reason}.") from error

    def line(self, location: Location) -> int:
        """Line, counted from 1, of the deepest part of `location` that stands in the file.

        Parts that do not are passed over: a missing key, or the position 0 of a single value that is read as a list.
        """
        node, line = self._root, 1
        for part in location:
            for name, found, value in _children(node):
                if name == part:
                    node, line = value, found.start_mark.line + 1
                    break
        return line

    def error(self, location: Location, message: str) -> UserError:
        """`message` as a UserError that names the file and the line of `location`."""
        return UserError(f"{self.name}:{self.line(location)}: {message}")


class _Refused(MarkedYAMLError):
    """What YAML allows and no registry needs; `problem` is a whole sentence."""


class _Constructor(SafeConstructor):
    """Refuses a value that is none of its type with its line, where ruamel's own ends in Python's errors."""

    def construct_object(self, node: Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, LookupError, TypeError, ArithmeticError, AttributeError) as error:
            kind = str(node.tag).rpartition(":")[2]
            problem = f"{short(node.value)!r} is no {kind}: mend it, or quote it if it is a text."
            raise _Refused(problem=problem, problem_mark=node.start_mark) from error


def _check_size(events: Iterator[Event]) -> None:
    """Refuse what is nested too deeply or has too many values once its aliases are written out."""
    values, anchors = [0], [""]  # of the collections that are open: how many values so far, and what it is called
    whole: dict[str, int] = {}  # values that an anchor stands for
    for event in events:
        if isinstance(event, CollectionStartEvent):
            values.append(1)
            anchors.append(event.anchor or "")
        elif isinstance(event, CollectionEndEvent | ScalarEvent):
            name, count = (event.anchor, 1) if isinstance(event, ScalarEvent) else (anchors.pop(), values.pop())
            whole |= {name: count} if name else {}
            values[-1] += count
        elif isinstance(event, AliasEvent):
            if event.anchor in anchors:
                raise _Refused(problem=f"*{event.anchor} stands within itself.", problem_mark=event.start_mark)
            values[-1] += whole.get(event.anchor, 1)
        if values[-1] > MOST_VALUES:
            problem = f"more than {MOST_VALUES:,} values, aliases written out: split it into several registries."
            raise _Refused(problem=problem, problem_mark=event.start_mark)
        if len(values) > MOST_LEVELS:
            raise _Refused(problem=f"more than {MOST_LEVELS} levels of nesting.", problem_mark=event.start_mark)


def _check_texts(root: Node) -> None:
    """Refuse names that are no texts, and texts with characters that no file or terminal should meet."""
    waiting, seen = [root], set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, ScalarNode) and (strange := _NO_TEXT.search(node.value)):
            problem = f"the character {strange[0]!a} has no place in a text."
            raise _Refused(problem=problem, problem_mark=node.start_mark)
        for key, _ in node.value if isinstance(node, MappingNode) else ():
            kind = str(key.tag).removeprefix(_CORE)
            if not isinstance(key, ScalarNode):
                raise _Refused(problem="a name should be a text, not a list or keys.", problem_mark=key.start_mark)
            if kind in _KINDS:
                shown = short(key.value) or "null"
                problem = f'the name {shown} is {_KINDS[kind]}: quote it, "{shown}".'
                raise _Refused(problem=problem, problem_mark=key.start_mark)
        waiting += [part for name, key, value in _children(node) for part in (key, value)]


def _children(node: Node | None) -> Iterator[tuple[str | int, Node, Node]]:
    """Name or position of every part of a collection, the node that shows where it stands, and its value."""
    if isinstance(node, MappingNode):  # from the end: what merges have brought in stands before a mapping's own
        yield from ((key.value, key, value) for key, value in reversed(node.value))
    elif isinstance(node, SequenceNode):
        yield from ((position, value, value) for position, value in enumerate(node.value))
