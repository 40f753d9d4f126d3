"""A YAML file that knows the line of each of its values, so that an error can point at it.

The file is read twice: once as plain Python values, once as ruamel.yaml's round-trip tree, which keeps line numbers.
YAML 1.2, duplicate keys refused.
"""

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from cheapconv.catalog.errors import UserError

Location = tuple[str | int, ...]  # keys and positions from the root of the file to a value


class YamlFile:
    """The values of a YAML file and where they stand; a file that cannot be read is a UserError."""

    def __init__(self, path: Path | str) -> None:
        self.name = str(path)
        try:
            text = Path(path).read_text(encoding="utf-8")
            self.values: Any = YAML(typ="safe", pure=True).load(text)
            self._tree: object = YAML().load(text)
        except FileNotFoundError as error:
            raise UserError(f"{self.name} does not exist; give the path of a registry file.") from error
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{self.name} cannot be read as text ({error}).") from error
        except MarkedYAMLError as error:
            fix = "keep one" if isinstance(error, DuplicateKeyError) else "check brackets, quotes and indentation"
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise UserError(f"{self.name}:{line}: {error.problem}; {fix}.") from error
        except YAMLError as error:
            raise UserError(f"{self.name} is no YAML file: {' '.join(str(error).split())}.") from error

    def line(self, location: Location) -> int:
        """Line, counted from 1, of the deepest part of `location` that stands in the file.

        Parts that do not are passed over: a missing key, or the position 0 of a single value that is read as a list.
        """
        node, line = self._tree, 1
        for part in location:
            if isinstance(node, CommentedMap | CommentedSeq) and part in (node.lc.data or {}):
                line = node.lc.data[part][0] + 1
                node = node[part]
        return line

    def error(self, location: Location, message: str) -> UserError:
        """`message` as a UserError that names the file and the line of `location`."""
        return UserError(f"{self.name}:{self.line(location)}: {message}")
