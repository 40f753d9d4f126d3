"""The command line: what each command prints, for people and as one JSON document."""

from pathlib import Path

import pytest
from torch import nn

from cheapconv import runner
from cheapconv.catalog.errors import UserError
from cheapconv.engine.measure import busy
from cheapconv.engine.measure.timings import Structure
from cheapconv.engine.read import quantity
from cheapconv.engine.run import fitting
from cheapconv.engine.run import profile as profiles
from cheapconv.engine.store.records import Measurement
from tests.command_line import CommandLine
from tests.engine.timed import a_timing

CELL_FIELDS = {
    *("key", "suite", "architecture", "architecture_label", "conv", "conv_label", "method", "method_config", "seed"),
    *("teacher", "entry", "state", "epoch", "epochs", "score", "scores", "error", "warnings"),
}


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(tmp_path, monkeypatch, capsys)


def test_list_names_everything(command):
    found = command.document("list")
    assert found.keys() == set(runner.options.KINDS)
    assert {"name", "parameters", "notation", "paper", "about"} <= found["methods"][0].keys()
    sweeps = {row["name"]: row for row in found["sweeps"]}
    assert sweeps.keys() == {"small", "broken", "interrupted"}
    assert sweeps["small"]["entries"] == 2
    architectures = {row["name"]: row for row in found["architectures"]}
    assert architectures["wrn"]["common"] == ["mean", "outputs", "side", "std", "weights"]
    own = {
        name: v for name, v in architectures["wrn"]["parameters"].items() if name not in architectures["wrn"]["common"]
    }
    assert own == {"depth": "required", "width": "required"}
    assert architectures["wrn"]["notation"] == ["WRN-{depth}-{width}"]


@pytest.mark.parametrize("kind", runner.options.KINDS)
def test_list_of_one_kind_is_that_kind(kind, command):
    found = command.document("list", kind)
    assert list(found) == [kind]
    code, out, _ = command("list", kind)
    assert code == 0
    assert all(row["name"] in out for row in found[kind])


@pytest.mark.parametrize("view", ["plan", "status"])
def test_plan_and_status_have_one_row_a_cell(view, command):
    teacher, student = command.document(view, "small")["cells"]
    assert teacher.keys() >= CELL_FIELDS
    assert (teacher["entry"], teacher["conv"], teacher["teacher"]) == ("teacher", "standard", None)
    assert (student["teacher"], student["conv"], student["conv_label"]) == (teacher["key"], "group(groups=2)", "G(2)")
    assert (student["state"], student["epochs"], student["score"]) == ("planned", 1, None)
    assert not Path("runs").exists()  # looking creates nothing


def test_plan_takes_another_number_of_epochs_and_a_selection(command):
    one, three = command.document("plan", "small"), command.document("plan", "small", "--epochs", "3")
    assert [row["epochs"] for row in three["cells"]] == [3, 3]
    assert {row["key"] for row in one["cells"]}.isdisjoint(row["key"] for row in three["cells"])
    assert command.document("status", "small@epochs=3") == three  # as its reports call it
    assert [row["method"] for row in command.document("plan", "small", "--select", "*/*/scratch")["cells"]] == [
        "scratch"
    ]
    chosen = command.document("plan", "small", "--select", "WRN-10-1/G(2)/kd/0")["cells"]
    assert [row["method"] for row in chosen] == ["scratch", "kd"]  # with the teacher


def test_profile_is_exact(command):
    """The sizes of Moonshine's WRN-40-2 with G(4), as its Table 2 counts them."""
    found = command.document("profile", "wrn(depth=40,width=2)", "group(groups=4)")
    expected = {
        "params": 814650,
        "params_with_bn_stats": 825210,
        "macs": 117818624,
        "flops": 235637248,
        "weights_bytes": 3300840,
        "architecture_label": "WRN-40-2",
        "conv_label": "G(4)",
        "classes": 10,
        "input": [3, 32, 32],
    }
    assert {name: found[name] for name in expected} == expected
    assert found["activation_bytes"] > 0
    assert "latency" not in found


def timed_in_turn(networks: list[tuple[Structure, nn.Module]], *_: object) -> list[Measurement]:
    """1.5 ms for the first, 3 ms for the second."""
    return [a_timing(of, median_ms=1.5 * number) for number, (of, _) in enumerate(networks, 1)]


def test_profile_stands_beside_standard_convolutions(command, monkeypatch):
    """The same network's, timed in turn."""
    monkeypatch.setattr(profiles, "time_in_turn", timed_in_turn)
    words = ("profile", "WRN-10-1", "G(4)", "--side", "8", "--time", "--device", "cpu")
    found, usual = command.document(*words), command.document("profile", "WRN-10-1", "--side", "8")
    assert {name: found["beside_standard"][name] for name in ("params", "macs")} == {
        n: usual[n] for n in ("params", "macs")
    }
    assert found["beside_standard"]["latency"]["median_ms"] == 3.0
    assert "beside_standard" not in usual
    lines = {line[:20].strip(): line.split()[-1] for line in command(*words)[1].splitlines()}
    assert lines["MACs"] == f"{found['macs'] / usual['macs']:.2f}"
    assert lines["latency, 1 image, 1"] == "0.50"


def test_profile_measures_on_request(command, monkeypatch):
    monkeypatch.setattr(profiles, "time_in_turn", timed_in_turn)
    found = command.document("profile", "WRN-10-1", "--side", "8", "--classes", "100", "--time", "--device", "cpu")
    assert found["latency"]["median_ms"] == 1.5
    assert (found["input"], found["classes"]) == ([3, 8, 8], 100)


@pytest.mark.parametrize(
    "words", [("profile", "WRN-10-1", "--side", "8", "--time"), ("fit", "WRN-10-1", "G(?)", "--latency-ms", "1e-9")]
)
def test_a_busy_machine_is_told_before_anything_is_timed(words, command, monkeypatch, caplog):
    told: list[list[str]] = []

    def refuse(*_: object) -> None:
        told.append([*caplog.messages])
        raise UserError("that is enough.")

    monkeypatch.setattr(busy, "sentence", lambda: "other processes use 0.9 of 2 cores")
    monkeypatch.setattr(profiles, "time_in_turn", refuse)
    monkeypatch.setattr(fitting, "ready", refuse)
    assert command(*words, "--device", "cpu")[0] == 2
    assert told == [["other processes use 0.9 of 2 cores"]]


def test_what_is_not_timed_needs_no_quiet_machine(command, monkeypatch):
    monkeypatch.setattr(busy, "sentence", lambda: pytest.fail("nothing is timed"))
    command.document("profile", "WRN-10-1", "--side", "8")
    command.document("fit", "WRN-10-1", "G(?)", "--params", "60k", "--side", "8")


def test_tables_are_for_people(command):
    assert "WRN-10-1" in command("plan", "small")[1]
    assert "2 planned of 2 cells" in command("status", "small")[1]
    assert "77850" in command("profile", "WRN-10-1", "--side", "8")[1]
    code, out, _ = command("check")
    assert code == 0
    assert "small" in out


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("9m", 540), ("1h30m", 5400), ("2h", 7200), ("45", 45), (" 1h1m1s ", 3661)]
)
def test_times_are_hours_minutes_and_seconds(text, seconds):
    assert quantity.seconds(text) == seconds
