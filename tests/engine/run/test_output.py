"""Nothing that happens to an output ends a command, and none is lost without a word."""

import errno
import io
import os
import subprocess
import sys

import pytest

from cheapconv.catalog import foreign
from cheapconv.catalog.errors import UserError
from cheapconv.engine.run import output


class Broken(io.StringIO):
    """A stream whose every write fails."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def write(self, text: str) -> int:
        raise OSError(self.number, os.strerror(self.number))


def run(code: int, forgiven: bool = False) -> int:
    """The exit code of a command that writes a line and ends with `code`."""

    def command() -> None:
        with output.guarded():
            sys.stdout.write("a line\n")
            if forgiven:
                output.forgive()
            raise SystemExit(code)

    with pytest.raises(SystemExit) as end:
        command()
    return int(end.value.code or 0)


def test_what_an_output_cannot_show_is_its_escape(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    with output.guarded():
        sys.stdout.write("gr\u00f6\u00dfe \u2014\n")
    assert raw.getvalue() == b"gr\\xf6\\xdfe \\u2014\n"


@pytest.mark.parametrize(
    ("number", "code", "forgiven", "ends", "said"),
    [
        (
            errno.ENOSPC,
            0,
            False,
            2,
            "error: the output cannot be written (No space left on device); the command goes on.\n",
        ),
        (
            errno.ENOSPC,
            0,
            True,
            0,
            "error: the output cannot be written (No space left on device); the command goes on.\n",
        ),
        (errno.EIO, 1, False, 1, "error: the output cannot be written (Input/output error); the command goes on.\n"),
        (errno.EPIPE, 0, False, 0, ""),
    ],
)
def test_an_output_that_is_lost_is_named_once(number, code, forgiven, ends, said, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdout", Broken(number))
    assert run(code, forgiven) == ends
    assert capsys.readouterr().err == said


def test_an_output_that_is_closed_in_between_is_lost(monkeypatch, capsys):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    stream.close()
    assert run(0) == 2
    assert "the output cannot be written" in capsys.readouterr().err


def test_words_on_stderr_cannot_steer_a_terminal(capsys):
    with output.guarded():
        sys.stderr.write("a\x1b[31mred\tb\r\nc\u202ed\n")
        with pytest.raises(TypeError):
            sys.stderr.write(b"")  # by which libraries find out what kind of stream it is
    assert capsys.readouterr().err == "a\\x1b[31mred\tb\r\nc\\u202ed\n"


@pytest.mark.parametrize("raised", [UserError("do this."), KeyError("k")])
def test_a_mistake_is_told_and_ends_the_program_and_a_bug_is_not(raised, capsys, monkeypatch):
    monkeypatch.setattr(foreign, "_classes", set())  # other tests register classes, by which these would be a plugin

    def act():
        raise raised

    with pytest.raises((SystemExit, KeyError)) as end, output.told():
        act()
    assert (getattr(end.value, "code", None), capsys.readouterr().err) in ((2, "error: do this.\n"), (None, ""))


def test_the_streams_are_given_back(capsys):
    before = sys.stdout, sys.stderr
    assert run(0) == 0
    assert (sys.stdout, sys.stderr) == before
    assert capsys.readouterr().out == "a line\n"


def test_a_process_without_streams_writes_into_none_of_its_files(tmp_path):
    code = (
        "import os, sys; from cheapconv.engine.run import output\n"
        "with output.guarded():\n"
        f"    file = open({str(tmp_path / 'file')!r}, 'w')\n"
        "    print('on stdout'); os.write(1, b'on 1'); print('on stderr', file=sys.stderr)\n"
        "    file.write('its own'); file.close()\n"
    )
    subprocess.run(["sh", "-c", 'exec "$0" -c "$1" <&- >&- 2>&-', sys.executable, code], check=True, timeout=60)
    assert (tmp_path / "file").read_text() == "its own"
