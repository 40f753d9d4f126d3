from pathlib import Path

import pytest

from cheapconv.catalog.errors import UserError
from cheapconv.engine.read.yaml_file import YamlFile

TEXT = """\
a:
  list:
    - x: 1
      y: [2,
          3]
  lr: 5e-4
"""


def document(folder: Path, text: str) -> YamlFile:
    path = folder / "file.yaml"
    path.write_text(text)
    return YamlFile(path)


@pytest.mark.parametrize(
    ("location", "line"),
    [((), 1), (("a",), 1), (("a", "list"), 2), (("a", "list", 0, "y"), 4), (("a", "list", 0, "y", 1), 5)],
)
def test_line_of_a_location(tmp_path: Path, location: tuple, line: int) -> None:
    assert document(tmp_path, TEXT).line(location) == line


def test_parts_that_are_not_in_the_file_are_passed_over(tmp_path: Path) -> None:
    assert document(tmp_path, TEXT).line(("a", "lr", 0)) == 6
    assert document(tmp_path, TEXT).line(("a", "list", 0, "absent")) == 3


def test_exponents_without_a_point_are_numbers(tmp_path: Path) -> None:
    assert document(tmp_path, TEXT).values["a"]["lr"] == 0.0005


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [("a: 1\nb: 2\na: 3\n", 3, 'duplicate key "a"'), ("a: [1\nb: 2\n", 2, "check brackets"), ("a: *b\n", 1, "alias")],
)
def test_broken_yaml_names_the_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    with pytest.raises(UserError, match=rf"file\.yaml:{line}: .*{words}"):
        document(tmp_path, text)


def test_a_file_that_cannot_be_read_is_a_user_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        YamlFile(tmp_path / "absent.yaml")
    with pytest.raises(UserError, match="cannot be read"):
        YamlFile(tmp_path)
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="cannot be read"):
        YamlFile(tmp_path / "binary.yaml")
    with pytest.raises(UserError, match="no YAML"):
        document(tmp_path, "a: \x07")
