"""Blocks of a page that are made, and all else as it was; what those of the pages with results say of small stores."""

import json
import re
from dataclasses import replace

import pandas as pd
import pytest
from ruamel.yaml import YAML

from cheapconv import catalog
from cheapconv.docs import readme, reproduction
from cheapconv.docs.blocks import filled
from cheapconv.engine.plan.cells import plan
from cheapconv.engine.run import planning
from cheapconv.reports.answers import content
from cheapconv.reports.claims import claims
from tests.reports.store import Store

PAGE = "by hand 1.0\n<!-- made: one -->\nold\nold\n<!-- end -->\nbetween\n<!-- made: two -->\n<!-- end -->\n"


def test_blocks_are_made_anew_and_nothing_else():
    once = filled(PAGE, {"one": lambda: "new", "two": lambda: "| a \\1 |"})
    assert once == (
        "by hand 1.0\n<!-- made: one -->\nnew\n<!-- end -->\nbetween\n<!-- made: two -->\n| a \\1 |\n<!-- end -->\n"
    )
    assert filled(once, {"one": lambda: "old\nold", "two": lambda: ""}).count("new") == 0


def test_a_block_that_nobody_makes_is_an_error():
    with pytest.raises(KeyError, match="two"):
        filled(PAGE, {"one": lambda: ""})


def table(store: Store) -> list[list[str]]:
    """The cells of the README's table for a store, below its head."""
    lines = readme.methods_table(content.build(store.plan(), "quick")).splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| W")]


def test_a_method_of_few_networks_has_no_column(tmp_path):
    store = Store(tmp_path)
    for conv in ("S", "G(4)", "G(N)"):
        store.seeds(conv, "scratch", [0.95, 0.951])
    store.seeds("G(4)", "kd", [0.9300, 0.9302])
    assert [len(line) for line in table(store)] == [5, 5, 5]
    store.seeds("G(N)", "kd", [0.9300, 0.9302])
    assert [len(line) for line in table(store)] == [6, 6, 6]


def test_bold_is_what_is_not_told_from_the_best_of_its_network(tmp_path):
    store = Store(tmp_path)
    store.seeds("S", "scratch", [0.95, 0.951])
    store.seeds("G(4)", "scratch", [0.900, 0.901])
    store.seeds("G(4)", "kd", [0.9300, 0.9302])
    store.seeds("G(4)", "at", [0.9301, 0.9305])
    store.measure("G(4)", 7.25)
    assert table(store) == [
        ["WRN-16-2 S", "100.00", "500,000", "-", "95.05 ± 0.07", "", ""],
        ["WRN-16-2 G(4)", "40.00", "200,000", "7.25", "90.05 ± 0.07", "**93.01 ± 0.01**", "**93.03 ± 0.03**"],
    ]


def test_a_single_run_has_no_deviation_and_one_in_doubt_has_its_mark(tmp_path):
    store = Store(tmp_path)
    store.add("G(4)", "scratch", 0, 0.9)
    store.add("G(N)", "scratch", 0, state="running")  # of which there is nothing to show yet
    store.measure("G(4)", 7.25, doubt="the machine was slow")
    assert table(store) == [["WRN-16-2 G(4)", "40.00", "200,000", "7.25?", "90.00"]]


def test_what_the_questions_name_is_in_a_sweep():
    """A label that no row has would never be answered."""
    catalog.load()
    shipped = planning.load(None)
    names = "cifar10-cpu", "methods-fashion"
    cells = [each.cell for name in names for each in plan(shipped.sweep(name), name, lambda *_: None).cells]
    labels = {
        "method": {cell.method_label for cell in cells} | {f"{cell.method}(*)" for cell in cells},
        "conv": {cell.conv_label for cell in cells},
        "architecture": {cell.architecture_label for cell in cells},
    }
    for question in claims.load(reproduction.QUESTIONS):
        for chosen in (question.better, question.than):
            for kind, known in labels.items():
                assert {*getattr(chosen, kind)} <= known


def test_a_question_without_rows_says_so_and_one_with_rows_shows_them(tmp_path):
    store = Store(tmp_path)
    store.seeds("G(4)", "scratch", [0.900, 0.901])
    store.seeds("G(4)", "kd", [0.9300, 0.9302])
    found = [content.build(store.plan(), "quick")]
    text = reproduction.questions(found, reproduction.answered(found))
    said = {part.splitlines()[0]: part for part in re.split(r"\n\n(?=\*\*)", text)}
    assert len(said) == len(YAML(typ="safe").load(reproduction.QUESTIONS))
    by_labels = next(part for head, part in said.items() if head.startswith("**Plain distillation makes every network"))
    assert "- quick: holds in 1 of 1, all resolved.\n" in by_labels
    assert re.search(r"  - \+2\.96 points \(n = 2 and 2, p = 0\.0\d+\): WRN-16-2 G\(4\) kd, beside WRN-16-2", by_labels)
    online = next(part for head, part in said.items() if head.startswith("**Networks that learn from each other"))
    assert "- Not tested: no sweep has such rows" in online


def test_the_best_epoch_is_compared_with_the_last(tmp_path):
    store = Store(tmp_path)
    for seed, best in enumerate((0.90, 0.91, 0.95)):
        store.add("G(4)", "scratch", seed, 0.90, top1_best=best)
    cut = store.add("G(4)", "kd", 0, 0.90, top1_best=0.99)  # before its channels were cut
    result = json.loads((store.root / cut / "result.json").read_text())
    result["networks"][0]["changed"] = True
    store.write(f"{cut}/result.json", result)
    assert "| 3 | 2 | +2.00 | +1.00 | +5.00 |" in reproduction.selection([content.build(store.plan(), "quick")])


def test_how_much_is_done_counts_cells_and_not_rows(tmp_path):
    store = Store(tmp_path)
    store.seeds("G(4)", "scratch", [0.90, 0.91])
    store.add("G(N)", "scratch", 0, state="running")
    [line] = reproduction.done([content.build(store.plan(), "quick")]).splitlines()[2:]
    assert [cell.strip() for cell in line.strip("|").split("|")][1:4] == ["2", "3", "0 to 2"]


def test_verdicts_at_a_glance(tmp_path):
    """A column a sweep that answers anything; what is resolved the other way stands out."""
    several = Store(tmp_path / "several")
    several.seeds("G(4)", "scratch", [0.900, 0.901, 0.902])
    several.seeds("G(4)", "kd", [0.930, 0.931, 0.932])
    several.seeds("G(N)", "scratch", [0.900, 0.901, 0.902])
    several.seeds("G(N)", "kd", [0.860, 0.861, 0.862])
    single, empty, moving = (Store(tmp_path / name) for name in ("single", "empty", "moving"))
    moving.seeds("G(4)", "scratch", [0.900, 0.901])
    moving.add("G(4)", "kd", 0, 0.93)
    moving.add("G(4)", "kd", 1, state="running")
    single.add("G(4)", "scratch", 0, 0.9)
    single.add("G(4)", "kd", 0, 0.91)
    empty.add("G(4)", "scratch", 0, 0.9)
    found = [content.build(store.plan(), "quick") for store in (several, single, empty, moving)]
    named = [replace(one, sweep=replace(one.sweep, name=name)) for one, name in zip(found, "abcd", strict=True)]
    lines = reproduction.verdicts(named, reproduction.answered(named)).splitlines()
    assert lines[0] == "| question | a | b | d |"
    [kd] = [line for line in lines if line.startswith("| Plain distillation makes every network")]
    assert kd.endswith(" | 1 of 2, resolved in 1, **against in 1** | 1 of 1, single runs | 1 of 1 so far |")


def test_what_is_slower_has_quartiles_apart_and_fewer_multiply_adds():
    def row(conv: str, macs: float, low: float, high: float, precision: str = "int8") -> dict[str, object]:
        timing = {"q25_ms": low, "q75_ms": high, "macs_ratio": macs, "precision": precision}
        return {"conv": conv, "way": f"runtime {precision}", "is_standard": conv == "S"} | timing

    standard, float32 = row("S", 1, 9, 11), [row("S", 1, 9, 11, "fp32"), row("G", 0.5, 20, 21, "fp32")]
    others = [row("above", 0.5, 11.1, 12), row("overlaps", 0.5, 10.9, 14), row("dearer", 1.1, 20, 21)]
    said = readme.slower(pd.DataFrame([*float32, standard, *others]))
    assert said.endswith("apart: 1 of 2 in runtime int8.")


def test_what_each_way_gains_is_a_table_between_what_is_best_and_what_is_not_known(tmp_path):
    store = Store(tmp_path)
    for number, conv in enumerate(("S", "G(4)", "G(N)")):
        store.seeds(conv, "scratch", [0.900, 0.901, 0.902])
        store.seeds(conv, "kd", [0.920 + 0.001 * number, 0.921, 0.922])
        store.seeds(conv, "at", [0.897, 0.902, 0.904 + 0.003 * number])
    told = readme.answers(content.build(store.plan(), "quick")).splitlines()
    rows = [line for line in told if line.startswith("|")]
    assert [row.split(" | ")[:2] for row in rows[2:]] == [["| kd", "**+2.03**"], ["| at", "+0.10"]]
    assert rows[2].split(" | ")[3] == "3 of 3"
    kinds = "".join(dict.fromkeys(line[:1] for line in told))
    assert kinds == "-|"
    assert told[-1].startswith("- ")


def test_of_few_networks_there_is_no_table_of_gains(tmp_path):
    store = Store(tmp_path)
    store.seeds("G(4)", "scratch", [0.900, 0.901])
    store.seeds("G(4)", "kd", [0.920, 0.921])
    assert "|" not in readme.answers(content.build(store.plan(), "quick"))
