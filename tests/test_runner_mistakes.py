"""Mistakes on the command line: one line on stderr, exit code 2, no traceback, and nothing is written."""

from pathlib import Path

import pytest

from tests.command_line import REGISTRY, CommandLine


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(tmp_path, monkeypatch, capsys)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "smal"], "unknown sweep 'smal'; did you mean small?"),
        (["status", "nothing"], "unknown sweep 'nothing'; known: broken, interrupted, small"),
        (["list", "method"], "there is no list of 'method'; did you mean methods?"),
        (["plan", "small", "--select", "vgg*"], "no cell of sweep 'small' matches 'vgg*'"),
        (["run", "small", "--select", "a/b/c/d/e"], "pattern 'a/b/c/d/e' has 5 parts"),
        (["run", "small", "--device", "cuda:99"], "device 'cuda:99' is not there"),
        (["run", "small", "--device", "tpu"], "unknown device 'tpu'"),
        (["run", "small", "--time-budget", "soon"], "'soon' is no time: write 90s, 9m or 1h30m."),
        (["run", "small", "--time-budget", ""], "'' is no time"),
        (["run", "small", "--time-budget", "1h30"], "'1h30' is no time"),
        (["run", "small", "--time-budget", "-5m"], "'-5m' is no time"),
        (["run", "small", "--retry", "all"], "--retry all is unknown"),
        (["run", "small", "--mlflow", "nonsense"], "'nonsense' is no tracking URI"),
        (["run", "small", "--store", "registry.yaml/runs", "--device", "cpu"], "cannot be written (Not a directory)"),
        (["plan", "small", "--registry", "nowhere.yaml"], "nowhere.yaml does not exist"),
        (["measure", "small", "--device", "tpu"], "unknown device 'tpu'"),
        (["profile", "wrm(depth=40,width=2)"], "unknown architecture 'wrm'; did you mean wrn"),
        (["profile", "wrn(depth=41,width=2)"], "depth must be 6n + 4"),
        (["profile", "WRN-10-1", "group(groups=7)"], "group(groups=7) does not fit WRN-10-1"),
        (["profile", "VGG-13", "--side", "7"], "it does not take images of 7 x 7, it takes 32 x 32"),
        (
            ["profile", "timm(name=halonet26t)", "--side", "33"],
            "it does not take images of 33 x 33, it takes 256 x 256",
        ),
        (["profile", "timm(name=resnet18.a1_in1k)"], "leave the tag '.a1_in1k' out"),
        (["report", "small"], "runs is no store: run it first"),
        (["clean"], "there is no store at runs"),
        (["sync", "small", "--mlflow", "http://127.0.0.1:9"], "runs is no store: run it first"),
    ],
)
def test_a_mistake_is_one_sentence(arguments, message, command):
    code, out, err = command(*arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert err.startswith("error: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [["run"], ["fly"], ["run", "small", "--epochs", "0"], ["run", "small", "--threads", "many"], ["plan", "--nothing"]],
)
def test_a_wrong_option_is_exit_code_2(arguments, command):
    code, out, err = command(*arguments)
    assert (code, out) == (2, "")
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sweeps: [", "registry.yaml:1"),
        (REGISTRY.replace("recipe: short", "recipe: long", 1), "registry.yaml:5: unknown recipe 'long'"),
        (REGISTRY.replace("method: scratch", "method: scrath", 1), "registry.yaml:8: unknown method 'scrath'"),
        (REGISTRY.replace("epochs: 1", "epoch: 1", 1), "registry.yaml:6: unknown key 'epoch'; did you mean epochs?"),
        (REGISTRY.replace("teacher: teacher", "teacher: techer"), "unknown teacher 'techer'; did you mean teacher?"),
        (
            REGISTRY.replace("    suite: tiny", "    plugins: [nowhere]\n    suite: tiny", 1),
            "plugin 'nowhere'",
        ),
    ],
)
def test_a_bad_registry_is_one_sentence_with_its_line(text, message, command):
    Path("registry.yaml").write_text(text)
    code, out, err = command("run", "small", "--device", "cpu")
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
    assert not Path("runs").exists()


def test_check_tells_of_every_sweep_and_goes_on(command):
    worse = REGISTRY.replace("recipe: short", "recipe: long", 1).replace("method: interrupting", "method: nothing")
    Path("registry.yaml").write_text(worse)
    code, out, err = command("check")
    assert code == 2
    assert [line.split()[:2] for line in out.splitlines()[1:]] == [["broken", "2"]]
    assert [line.partition(" unknown ")[0] for line in err.splitlines()] == [
        "error: registry.yaml:5:",
        "error: registry.yaml:21:",
    ]


def test_check_says_once_what_stands_outside_of_the_sweeps(command):
    Path("registry.yaml").write_text(REGISTRY + "more: 1\n")
    code, out, err = command("check")
    assert (code, out) == (2, "")
    assert err == "error: registry.yaml:22: unknown key 'more'; known: sweeps\n"


def test_check_tells_of_the_bad_sweeps_and_checks_the_others(command):
    entry = "{{architecture: {}, conv: {}, method: scratch}}"
    bad = "  {}:\n    suite: tiny\n    recipe: short\n    entries:\n      - " + entry + "\n"
    networks = {"large": ("torchvision(name=alexnet)", "S"), "narrow": ("WRN-10-1", "G(7)")}
    Path("registry.yaml").write_text(REGISTRY + "".join(bad.format(n, *network) for n, network in networks.items()))
    code, out, err = command("check")
    assert code == 2
    assert [name for name in ("small", "broken", "interrupted", "large", "narrow") if name in out] == [
        "small",
        "broken",
        "interrupted",
    ]
    assert "error: registry.yaml:26: " in err
    assert "this network cannot be" in err
    assert "error: registry.yaml:31: " in err
    assert err.count("\n") == 2


@pytest.mark.parametrize("arguments", [[], ["--data", "nowhere"]])
def test_missing_data_is_one_sentence_before_anything_trains(arguments, command):
    Path("registry.yaml").write_text(REGISTRY.replace("suite: tiny", "suite: cifar10"))
    code, _, err = command("run", "small", "--device", "cpu", *arguments)
    assert code == 2
    assert "--data DIR" in err
    assert err.count("\n") == 1
