"""`profile --operators`: where the time of a network goes, beside standard convolutions."""

from pathlib import Path

import pytest
from torch import nn

from cheapconv.engine.measure.timings import Structure
from cheapconv.engine.run import profile as profiles
from cheapconv.engine.run.operator_table import rows
from cheapconv.engine.store.operators import Operator
from cheapconv.engine.store.records import Measurement
from tests.command_line import CommandLine
from tests.engine.timed import a_timing

OWN = (Operator(kind="conv 1x1", ms=0.75, count=8), Operator(kind="reorder", ms=0.25, count=2))
USUAL = (Operator(kind="conv 3x3", ms=3.0, count=7), Operator(kind="conv 1x1", ms=1.0, count=2))
WORDS = ("profile", "WRN-10-1", "G(4)", "--side", "8", "--device", "cpu", "--operators")


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(tmp_path, monkeypatch, capsys)


@pytest.fixture
def profiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every network has been timed and profiled."""

    def timed(networks: list[tuple[Structure, nn.Module]], *_: object) -> list[Measurement]:
        return [a_timing(of, operators=own) for (of, _), own in zip(networks, (OWN, USUAL), strict=False)]

    monkeypatch.setattr(profiles, "time_in_turn", timed)


def table(text: str) -> list[list[str]]:
    """The words of each line below the one that begins the table of operators."""
    lines = [line.split() for line in text.splitlines()]
    return lines[1 + next(place for place, words in enumerate(lines) if words[:2] == ["operator", "count"]) :]


def test_operators_stand_beside_those_of_standard_convolutions(command, profiled):
    code, out, _ = command(*WORDS)
    assert code == 0
    assert "operators of 1 image on 1 thread, by PyTorch's own profile" in out
    assert table(out) == [
        ["conv", "1x1", "8", "0.750", "75", "%", "2", "1.000"],
        ["reorder", "2", "0.250", "25", "%"],
        ["conv", "3x3", "7", "3.000"],
        ["all", "10", "1.000", "100", "%", "9", "4.000"],
    ]


def test_operators_of_a_network_that_is_standard_stand_alone(command, profiled):
    out = command("profile", "WRN-10-1", "--side", "8", "--device", "cpu", "--operators")[1]
    assert table(out)[0] == ["conv", "1x1", "8", "0.750", "75", "%"]
    assert "S ms" not in out


def test_operators_are_in_the_document(command, profiled):
    found = command.document(*WORDS)
    assert found["operators"][1] == {"kind": "reorder", "ms": 0.25, "count": 2}
    assert [operator["kind"] for operator in found["beside_standard"]["operators"]] == ["conv 3x3", "conv 1x1"]


def test_they_are_told_only_on_request(command, profiled):
    assert "operator" not in command(*WORDS[:-1], "--time")[1]


def test_a_runtime_without_a_profile_is_a_sentence_and_the_rest_is_told(command, monkeypatch):
    monkeypatch.setattr(profiles, "time_in_turn", lambda networks, *_: [a_timing(of) for of, _ in networks])
    code, out, _ = command(*WORDS)
    assert code == 0
    assert "latency, 1 image, 1 thread" in out
    assert out.endswith("\nno operators: PyTorch has no profile of its own, or it failed; name another --runtime.\n")


def test_what_takes_no_time_at_all_has_no_share():
    assert [row["share"] for row in rows([{"kind": "reshape", "ms": 0.0, "count": 1}], [])] == [None, None]
