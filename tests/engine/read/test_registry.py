"""Reading the registry: what is accepted, and that every mistake is one sentence with file, line and a way out."""

from pathlib import Path

import pytest

from cheapconv.catalog.errors import UserError
from cheapconv.engine.read import registry
from cheapconv.engine.read.method_choice import MethodChoice
from tests.engine import fakes

GOOD = "      - {name: big, architecture: net(width=4), conv: S, method: alone}"


@pytest.fixture(autouse=True)
def fake_catalog(monkeypatch: pytest.MonkeyPatch) -> None:
    fakes.install(monkeypatch)


def refusal(folder: Path, entries: str = GOOD, **options: str) -> str:
    """The error of a registry with these entries, without its folder."""
    with pytest.raises(UserError) as caught:
        registry.load(fakes.write_registry(folder, entries, **options))
    return str(caught.value).removeprefix(f"{folder}/")


def entry(**fields: str) -> str:
    """One entry on line 6, fields replaced or added."""
    values = {"architecture": "net(width=4)", "conv": "S", "method": "alone", **fields}
    return "      - {" + ", ".join(f"{k}: {v}" for k, v in values.items()) + "}"


def test_single_values_are_grids_of_one(tmp_path: Path) -> None:
    sweep = registry.load(fakes.write_registry(tmp_path, entry(lr="1", epochs="[1, 2]"))).sweep("sweep")
    assert sweep.seeds == (0,)
    assert sweep.entries[0].conv == ("S",)
    assert (sweep.entries[0].lr, sweep.entries[0].epochs, sweep.entries[0].batch) == ((1.0,), (1, 2), ())


def test_entries_know_their_lines(tmp_path: Path) -> None:
    path = fakes.write_registry(tmp_path, GOOD + "\n\n" + entry())
    sweep = registry.load(path).sweep("sweep")
    assert [str(e.error("wrong")) for e in sweep.entries] == [f"{path}:{line}: wrong" for line in (6, 8)]
    assert str(fakes.sweep({}).entries[0].error("wrong")) == "wrong"  # made without a file


def test_a_method_is_a_name_or_a_name_with_settings(tmp_path: Path) -> None:
    methods = "[alone, {copy: {teacher: big, heat: [1, 2], stages: [0, 1]}}, {crowd: {students: 2}}]"
    found = registry.load(fakes.write_registry(tmp_path, entry(method=methods))).sweep("sweep").entries[0].method
    assert found[0] == MethodChoice("alone")
    assert found[1].grid() == [{"heat": 1, "stages": [0, 1]}, {"heat": 2, "stages": [0, 1]}]
    assert (found[1].teacher, found[2].teacher) == ("big", None)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"conv": "grup"}, "unknown conv 'grup'; did you mean group?"),
        ({"conv": "[S, thinn]"}, "unknown conv 'thinn'; did you mean thin?"),
        ({"conv": "group(widht=2)"}, "conv 'group' has no parameter 'widht'; did you mean width?"),
        ({"conv": "\"group(width='x')\""}, "width is 'x', but should be a valid integer."),
        ({"conv": "group"}, "conv 'group': 'width' is missing"),
        ({"conv": "{group: {width: [2, 3]}}"}, 'conv is a text with all its numbers, such as "name(number=2)"; a list'),
        ({"conv": "[P(1,2)]"}, "'P(1' has unbalanced parentheses; YAML splits at commas, so quote it"),
        ({"architecture": "nett(width=4)"}, "unknown architecture 'nett'; did you mean net?"),
        ({"method": "coppy"}, "unknown method 'coppy'; did you mean copy?"),
        ({"method": "{coppy: {heat: 1}}"}, "unknown method 'coppy'; did you mean copy?"),
        ({"method": "{copy: {haet: 1}}"}, "method 'copy' has no parameter 'haet'; did you mean heat?"),
        ({"method": "{copy: {heat: hot}}"}, "heat is 'hot', but should be a valid number."),
        ({"method": "{copy: {heat: [1, -1]}}"}, "heat must be above 0, not -1"),
        ({"method": "{copy: {heat: []}}"}, "heat is an empty list"),
        ({"method": "{copy: {teacher: [a, b]}}"}, "teacher is ['a', 'b'], but should be the name of one entry."),
        ({"method": "{copy: 3}"}, "the settings of method 'copy' should be keys with values, not 3."),
        ({"method": "{copy: {}, alone: {}}"}, "but should be a name or {name: {setting: value}}."),
        ({"method": "[]"}, "method is empty; give at least one."),
        ({"epochs": "many"}, "epochs is 'many', but should be a valid integer."),
        ({"epochs": "0"}, "epochs is 0, but should be greater than or equal to 1."),
        ({"batch": "true"}, "batch is True, but should be a valid integer."),
        ({"lr": ".inf"}, "lr is inf, but should be a finite number."),
        (
            {"seeds": "5"},
            "seeds is 5, but should be a list: [5] for that seed, or [0, 1, 2] and so on for so many of them.",
        ),
        ({"seeds": "2"}, "seeds is 2, but should be a list: [2] for that seed, or [0, 1] for so many of them."),
        ({"seeds": "0"}, "seeds is 0, but should be a list: [0] for that seed."),
        ({"seeds": "[0, 1, 0]"}, "seed 0 is given twice: a cell is trained once per seed, so keep one."),
        ({"seeds": "[-1]"}, "seeds is -1, but should be greater than or equal to 0."),
        ({"weight_deacy": "0"}, "unknown key 'weight_deacy'; did you mean weight_decay or weight_decay_scale?"),
        ({"name": "a/b"}, "'a/b' is no name;"),
        ({"name": "a" * 101}, "is too long a name; use at most 100 letters."),
        (
            {"seeds": "9" * 400},
            "seeds is 999999999999999999...9999999999999999999, but should be less than or equal to",
        ),
        ({"epochs": "1000001"}, "epochs is 1000001, but should be less than or equal to 1000000."),
        ({"lr": "1e7"}, "lr is 10000000.0, but should be less than or equal to 1000000."),
        ({"method": "{copy: {heat: 'nan'}}"}, "method 'copy': heat must be finite, not 'nan'"),
        ({"budget": "{params: " + "9" * 400 + "}"}, "is more than any network has"),
    ],
)
def test_a_mistake_in_an_entry_names_file_line_word_and_way_out(tmp_path: Path, fields: dict, sentence: str) -> None:
    message = refusal(tmp_path, entry(**fields))
    assert message.startswith("registry.yaml:6: ")
    assert sentence in message


@pytest.mark.parametrize(
    ("head", "line", "sentence"),
    [
        ("suite: toi\n    recipe: short", 3, "unknown suite 'toi'; did you mean toy?"),
        ("suite: toy\n    recipe: shrt", 4, "unknown recipe 'shrt' of suite 'toy'; did you mean short?"),
        ("siute: toy\n    recipe: short", 3, "unknown key 'siute'; did you mean suite?"),
        ("suite: toy", 2, "'recipe' is missing; add it."),
        (
            "suite: toy\n    recipe: short\n    precision: fp16",
            5,
            "precision is 'fp16', but should be 'fp32' or 'bf16'",
        ),
        (
            "suite: toy\n    recipe: short\n    plugins: [no_such_module]",
            5,
            "plugin 'no_such_module' cannot be imported",
        ),
        ("suite: toy\n    recipe: short\n    suite: toy", 5, 'duplicate key "suite"'),
        ("suite: toy\n    recipe: short\n    schedule: cosinus", 5, "schedule is 'cosinus', but should be"),
        ("suite: toy\n    recipe: short\n    padding: mirror", 5, "padding is 'mirror', but should be"),
        ("suite: toy\n    recipe: short\n    normalisation: c100-e", 5, "unknown normalisation 'c100-e'; did you mean"),
        ("suite: toy\n    recipe: short\n    milestones: [150, 225]", 5, "a milestone is a fraction of the run"),
        ("suite: toy\n    recipe: short\n    nesterov: 1", 5, "nesterov is 1, but should be"),
        ("suite: toy\n    recipe: short\n    cutout: -1", 5, "cutout is -1, but should be"),
        ("suite: toy\n    recipe: short\n    views: [weak, strnog]", 5, "views is 'strnog', but should be 'weak' or"),
        ("suite: toy\n    recipe: short\n    views: []", 5, "views is empty; give at least one"),
        ("suite: toy\n    recipe: short\n    strong_ops: 15", 5, "strong_ops is 15, but should be less than or equal"),
        ("suite: toy\n    recipe: short\n    strong_magnitude: 31", 5, "strong_magnitude is 31, but should be less"),
        ("suite: toy\n    recipe: short\n    mixup: -0.1", 5, "mixup is -0.1, but should be greater"),
        ("suite: toy\n    recipe: short\n    cutmix: .inf", 5, "cutmix is inf, but should be a finite number"),
    ],
)
def test_a_mistake_in_a_sweep_names_its_line(tmp_path: Path, head: str, line: int, sentence: str) -> None:
    message = refusal(tmp_path, head=head)
    assert message.startswith(f"registry.yaml:{line}: ")
    assert sentence in message


def test_the_line_is_that_of_the_item_or_setting(tmp_path: Path) -> None:
    listed = "      - architecture: net(width=4)\n        conv:\n          - S\n          - nope\n        method: alone"
    assert refusal(tmp_path, listed).startswith("registry.yaml:9: unknown conv 'nope'")
    settings = (
        "      - architecture: net(width=4)\n        conv: S\n        method:\n          copy:\n            heat: x"
    )
    assert refusal(tmp_path, settings).startswith("registry.yaml:10: method 'copy': heat is 'x'")


def test_two_entries_of_one_name_are_refused_at_the_second(tmp_path: Path) -> None:
    assert refusal(tmp_path, GOOD + "\n" + GOOD) == "registry.yaml:7: entry name 'big' is used twice; rename one."


@pytest.mark.parametrize("text", ["", "[]", "sweep: {}", "sweeps: {}", "sweeps: {a: 1}", "sweeps: {a b: {}}"])
def test_files_that_are_no_registry(tmp_path: Path, text: str) -> None:
    path = tmp_path / "registry.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=r"registry\.yaml:1: "):
        registry.load(path)


def test_of_many_settings_every_value_is_tried(tmp_path: Path) -> None:
    numbers = list(range(1, 1200))
    with pytest.raises(UserError, match="heat must be above 0, not -1"):
        registry.load(
            fakes.write_registry(tmp_path, entry(method=f"{{copy: {{teacher: big, heat: {[*numbers, -1]}}}}}"))
        )
    found = registry.load(fakes.write_registry(tmp_path, entry(method=f"{{copy: {{teacher: big, heat: {numbers}}}}}")))
    assert found.sweep("sweep").entries[0].method[0].size == len(numbers)


def test_sweeps_are_read_one_by_one(tmp_path: Path) -> None:
    path = fakes.write_registry(tmp_path, GOOD + "\n  bad: {suite: toy, recipe: shrt, entries: []}\n  worse: 3")
    good, bad, worse = registry.load_each(path)
    assert list(good.sweeps) == ["sweep"]
    assert str(good.sweep("sweep").entries[0].error("wrong")) == f"{path}:6: wrong"
    assert str(bad).startswith(f"{path}:7: unknown recipe 'shrt'")
    assert str(worse).startswith(f"{path}:8: worse is 3, but should be keys with values.")


@pytest.mark.parametrize(("text", "said"), [("sweeps: []", "sweeps is []"), ("[]", "the file is []"), ("a: 1", "'a'")])
def test_what_stands_around_the_sweeps_is_told_too(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "registry.yaml").write_text(text)
    [mistake] = registry.load_each(tmp_path / "registry.yaml")
    assert said in str(mistake)


def test_unknown_sweep_names_the_nearest(tmp_path: Path) -> None:
    found = registry.load(fakes.write_registry(tmp_path, GOOD))
    with pytest.raises(UserError, match=r"unknown sweep 'sweeep'; did you mean sweep\?"):
        found.sweep("sweeep")


def test_a_plugin_is_imported_before_its_names_are_looked_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = (
        "from cheapconv.catalog import register\n"
        "from cheapconv.methods.base import Method\n\n"
        "@register('method', 'mine')\n"
        "class Mine(Method):\n"
        "    '''A user's own.'''\n"
    )
    (tmp_path / "plugin_of_a_user.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    head = "plugins: [plugin_of_a_user]\n    suite: toy\n    recipe: short"
    found = registry.load(fakes.write_registry(tmp_path, entry(method="mine"), head=head))
    assert found.sweep("sweep").entries[0].method[0].name == "mine"
