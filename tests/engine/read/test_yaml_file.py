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


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, "the file is empty"),
        ("# nothing\n", 1, "the file is empty"),
        ("a: 1\n2024: 1\n", 2, 'the name 2024 is a number: quote it, "2024".'),
        ("a: 1\n1.5: 1\n", 2, 'the name 1.5 is a number: quote it, "1.5".'),
        ("a: {true: 1}\n", 1, 'the name true is true or false: quote it, "true".'),
        ("a:\n  2024-05-01: 1\n", 2, 'the name 2024-05-01 is a date: quote it, "2024-05-01".'),
        ("a: {null: 1}\n", 1, 'the name null is nothing: quote it, "null".'),
        ("a: {: 1}\n", 1, 'the name null is nothing: quote it, "null".'),
        ("? [a]\n: 1\n", 1, "a name should be a text, not a list or keys."),
        ("a: 1\nb: 2001-99-99\n", 2, "'2001-99-99' is no timestamp: mend it, or quote it if it is a text."),
        ("a: !!int x\n", 1, "'x' is no int"),
        ("a: !!bool x\n", 1, "'x' is no bool"),
        ("a: !!float ''\n", 1, "'' is no float"),
        (f"a: {'1' * 5000}\n", 1, "is no int"),
        ("a: !mine x\n", 1, "could not determine a constructor for the tag '!mine'"),
        ('a: 1\nb: "\\ud800"\n', 2, r"the character '\ud800' has no place in a text."),
        ('a: "\\e[31m"\n', 1, r"the character '\x1b' has no place in a text."),
        ("a: &a [1, *a]\n", 1, r"*a stands within itself."),
        ("a: &a {b: {c: *a}}\n", 1, r"*a stands within itself."),
        ("a:\n  " + "[" * 3000 + "]" * 3000, 2, "more than 40 levels of nesting."),
        ("a:\n  " + "- " * 3000, 2, "more than 40 levels of nesting."),
    ],
)
def test_what_no_registry_needs_is_one_sentence_with_its_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    with pytest.raises(UserError) as refused:
        document(tmp_path, text)
    said = str(refused.value)
    assert said.startswith(f"{tmp_path}/file.yaml:{line}: ")
    assert words in said
    assert "\n" not in said


def test_aliases_are_counted_as_if_they_were_written_out(tmp_path: Path) -> None:
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
    with pytest.raises(UserError, match=r"file\.yaml:5: more than 20,000 values, aliases written out"):
        document(tmp_path, "\n".join(levels))
    assert len(document(tmp_path, "\n".join(levels[:3])).values["a2"][9][9]) == 10


def test_a_device_that_never_ends_is_not_read() -> None:
    with pytest.raises(UserError, match="/dev/zero has more than 262,144 bytes: split it"):
        YamlFile("/dev/zero")


def test_a_file_larger_than_any_registry_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has more than 262,144 bytes: split it"):
        document(tmp_path, "#" * 2**18 + "\n")


def test_an_anchor_may_be_used_twice(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    found = document(tmp_path, "a: &n 1\nb: *n\nc: &n 2\nd: *n\n")
    assert found.values == {"a": 1, "b": 1, "c": 2, "d": 2}
    assert not recwarn.list


def test_lines_of_what_was_merged_are_those_of_the_anchor(tmp_path: Path) -> None:
    found = document(tmp_path, "a: &a\n  x: 1\n  y: 2\nb:\n  <<: *a\n  y: 3\n")
    assert found.values["b"] == {"x": 1, "y": 3}
    assert [found.line(("b", name)) for name in ("x", "y")] == [2, 6]
