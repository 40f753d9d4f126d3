"""The commands about networks: `fit`, and what `profile` and `list convs` say beyond sizes and names."""

import pytest

from cheapconv.docs import conv_costs
from cheapconv.engine.run.conv_timings import Setting
from tests.command_line import CommandLine


@pytest.fixture
def cheapconv(tmp_path, monkeypatch, capsys):
    return CommandLine(tmp_path, monkeypatch, capsys)


def test_fit_prints_the_chosen_setting_between_its_neighbours(cheapconv):
    rows = cheapconv.document("fit", "WRN-10-1", "G(?)", "--params", "30k")["settings"]
    assert [(row["conv"], row["params"], row["chosen"]) for row in rows] == [
        ("group(groups=8)", 20_442, False),
        ("group(groups=4)", 28_218, True),
        ("group(groups=2)", 43_770, False),
    ]


def test_fit_for_people_marks_the_choice(cheapconv):
    code, out, err = cheapconv("fit", "WRN-10-1", "G(?)", "--macs", "1M", "--side", "8")
    assert (code, err) == (0, "")
    assert out.count("<-") == 1
    assert "quartiles" not in out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["WRN-10-1", "G(?)"], "give exactly one budget"),
        (["WRN-10-1", "G(?)", "--params", "few"], "'few' is no count"),
        (["WRN-10-1", "G(?)", "--params", "10"], "10 params cannot be met"),
        (["WRN-10-1", "BG(2,4)", "--params", "1M"], "write ? for the free one"),
    ],
)
def test_fit_says_what_is_wrong_in_one_line(cheapconv, arguments, sentence):
    code, out, err = cheapconv("fit", *arguments)
    assert (code, out) == (2, "")
    assert sentence in err
    assert err.count("\n") == 1


def test_profile_reports_every_convolution_of_a_wrapped_network(cheapconv):
    rows = cheapconv.document("profile", "timm(name=test_resnet)", "G(4)")["substitutions"]
    assert {"name": "layer1.0.conv1", "was": "3x3/1 32 -> 32", "replaced_by": "group(groups=4)", "left": None} in rows
    assert {"name": "conv1.0", "was": "3x3/2 3 -> 16", "replaced_by": None, "left": "stem"} in rows
    _, out, _ = cheapconv("profile", "timm(name=test_resnet)", "G(4)")
    assert "layer1.0.conv1" in out


def test_profile_of_other_networks_has_none(cheapconv):
    assert "substitutions" not in cheapconv.document("profile", "WRN-10-1", "G(4)")


def test_profile_says_where_a_conv_makes_the_network_dearer(cheapconv):
    """Its last layers give 4 channels from 16: fewer than their inputs, which the 1x1 of a grouped conv mixes first."""
    network = "densenet_bc(depth=10, growth=4)"
    found = cheapconv.document("profile", network, "G(4)", "--side", "8")
    standard = cheapconv.document("profile", network, "S", "--side", "8")
    dearer = found["dearer"]
    assert (dearer["macs"], dearer["params"]) == (found["macs"], found["params"])
    assert (dearer["standard_macs"], dearer["standard_params"]) == (standard["macs"], standard["params"])
    assert found["macs"] > standard["macs"]
    assert (standard["dearer"], cheapconv.document("profile", "WRN-10-1", "G(4)")["dearer"]) == (None, None)
    sentence = f"dearer than with standard convolutions: {found['macs']:,} MACs instead of {standard['macs']:,} and "
    assert sentence in cheapconv("profile", network, "G(4)", "--side", "8")[1]


def test_list_convs_with_time_shows_theory_beside_reality(cheapconv, monkeypatch):
    asked = []
    row = {"conv": "S", "params_ratio": 1.0, "latency_ratio": 1.25}
    monkeypatch.setattr(conv_costs, "timed", lambda *given: [asked.append(given), row][1:])
    body = cheapconv.document("list", "convs", "--time")
    assert body["costs"] == [{"conv": "S", "params_ratio": 1.0, "latency_ratio": 1.25}]
    assert {row["name"] for row in body["convs"]} >= {"standard", "group"}
    _, out, _ = cheapconv("list", "convs", "--time")
    cheapconv("list", "convs", "--time", "--in", "WRN-16-2", "--side", "16", "--runtime", "eager")
    code, _, err = cheapconv("list", "convs", "--side", "16")
    assert (code, err) == (
        2,
        "error: --in, --classes, --side and --runtime say in what is timed: give --time with them.\n",
    )
    assert asked[1] == (Setting("WRN-40-2", 10, 32), None)
    assert asked[2] == (Setting("WRN-16-2", 10, 16), "eager")
    assert "latency ratio" in out
    assert "1.250" in out
    code, _, err = cheapconv("list", "methods", "--time")
    assert (code, err) == (2, "error: --time belongs to `list convs`.\n")
