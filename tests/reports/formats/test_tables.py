"""Markdown, CSV and LaTeX."""

import dataclasses
import io
import json
from pathlib import Path

import pandas as pd
import pytest

from cheapconv.engine.store import upgrade
from cheapconv.reports.answers.content import build
from cheapconv.reports.claims.published import Paper
from cheapconv.reports.formats import latex, tables
from cheapconv.reports.page import page
from cheapconv.reports.rows.columns import columns, significant
from tests.reports.store import Store


def markdown_row(text: str, *labels: str) -> list[str]:
    """Cells of the table's one row that holds all `labels`."""
    [line] = [x for x in text.splitlines() if x.startswith("|") and all(f" {label} " in x for label in labels)]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_markdown_row(small: Store) -> None:
    text = tables.markdown(build(small.root, "quick"))
    assert markdown_row(text, "G(4)", "**kd**") == [
        *["1 to 2", "WRN-16-2", "G(4)", "**kd**", "**93.00 ± 0.28**", "2", "60 % (42 to 79)", "200,000", "40.00"],
        *["781.2", "10.0", "100", "10.0 / 50.0", "-", "-", "-"],
    ]
    assert markdown_row(text, "S")[0] == "ref"


def test_an_accuracy_that_means_nothing_carries_its_reason_in_every_format(small: Store, tmp_path: Path) -> None:
    small.add("S", "scratch", 2, 0.1, warning="student answers every test image with the same class")
    content = build(small.plan(), "quick")
    note = "the accuracy means nothing: student answers every test image with the same class"
    [mark] = [mark for mark, text in content.notes if text == note]
    text = tables.markdown(content)
    row = markdown_row(text, "S")
    assert row[0] == "-"  # it would be the reference
    assert row[4].endswith(f" [{mark}]")
    assert rf"- \[{mark}\] {note}" in text
    named = "Neither ranked nor compared with anything, because the accuracy means nothing: WRN-16-2 S scratch."
    assert named in text
    assert rf"{{[}}{mark}{{]}} {note}\par" in latex.latex(content)
    table = pd.read_csv(io.StringIO(tables.csv(content))).set_index(["conv", "method"])
    assert table.loc[("S", "scratch"), "warnings"] == "student answers every test image with the same class"
    assert table["warnings"].isna().sum() == 3
    assert named in page.render(small.root, "quick", tmp_path).remarks
    assert note in (tmp_path / "index.html").read_text()


def test_a_conv_that_makes_its_network_dearer_is_said(small: Store) -> None:
    """But not beside a method that deploys another network."""
    sizes = {"params": 30, "macs": 4_000, "standard_params": 40, "standard_macs": 3_000}
    key = small.add("G(4)", "pruned", 0, 0.9)
    path = small.root / key / "result.json"
    body = json.loads(path.read_text())
    body["networks"][0]["changed"] = {"kept": [1]}
    path.write_text(json.dumps(body))
    content = build(small.plan(dearer=[{"architecture": "WRN-16-2", "conv": "G(4)", **sizes}]), "quick")
    note = "dearer than with standard convolutions: 4,000 MACs instead of 3,000"
    [mark] = [mark for mark, text in content.notes if text == note]
    text = tables.markdown(content)
    assert markdown_row(text, "**kd**")[2] == markdown_row(text, "**online**")[2] == f"G(4) [{mark}]"
    assert f"[{mark}]" not in markdown_row(text, "pruned")[2]
    assert markdown_row(text, "S")[2] == "S"
    table = pd.read_csv(io.StringIO(tables.csv(content))).set_index(["conv", "method"])
    assert table.loc[("G(4)", "kd"), "dearer"] == "4,000 MACs instead of 3,000"


def test_markdown_keeps_the_best_epoch_out_and_labels_the_ensemble(small: Store) -> None:
    text = tables.markdown(build(small.root, "quick"))
    assert "Best epoch" not in text
    assert "Ensemble top-1 % (not a student, not deployed)" in text
    assert markdown_row(text, "**online**")[-1] == "97.00"


def test_markdown_says_what_is_incomplete_and_what_failed(small: Store) -> None:
    teacher = small.keys[0]
    small.add("G(4)", "kd", 2, teacher=teacher, state="failed", error="RuntimeError: loss | is <nan>")
    text = tables.markdown(build(small.plan(), "quick"))
    assert markdown_row(text, "G(4)", "kd")[5] == "2/3, 1 failed"
    assert "## Failed cells\n\n- WRN-16-2 G(4) kd seed 2 (" in text
    assert r"RuntimeError: loss \| is &lt;nan>" in text


def test_single_seeds_are_said_in_words(store: Store) -> None:
    store.add("S", "scratch", 0, 0.9)
    text = tables.markdown(build(store.plan(), "quick"))
    assert "90.00 (n=1)" in text
    # 1.96 errors of a difference: 1.96 sqrt(2) sqrt(0.9 * 0.1 / 10000) = 0.83 points.
    assert "0.8 points at 90 % on 10,000 test images, means nothing" in text
    assert "standard deviation over seeds" not in text


def test_csv_is_in_full_precision_with_units_in_its_names(small: Store) -> None:
    table = pd.read_csv(io.StringIO(tables.csv(build(small.root, "quick")))).set_index(["conv", "method"])
    row = table.loc[("G(4)", "kd")]
    assert row["top1_mean"] == (0.928 + 0.932) / 2
    assert row["gap_recovered"] == pytest.approx(0.6)
    assert (row["gap_low"], row["gap_high"]) == pytest.approx((0.42, 0.79), abs=0.01)
    assert (row["rank"], row["rank_to"], row["n"], row["planned"]) == (1, 2, 2, 2)
    assert (row["macs"], row["flops"], row["weights_bytes"]) == (40_000_000, 80_000_000, 800_000)
    assert (row["latency_ms"], row["throughput_images_per_s"], row["train_s_with_teacher"]) == (10, 100, 50)
    assert (row["throughput_q25_images_per_s"], row["throughput_q75_images_per_s"]) == (1, 2)
    assert (row["sweep"], row["precision"], row["protocol"]) == ("quick", "fp32", "version 3")
    assert table.loc[("G(4)", "scratch"), "top1_best_mean"] == pytest.approx(0.91)


def test_csv_has_every_row_of_the_document(small: Store) -> None:
    content = build(small.root, "quick")
    assert len(pd.read_csv(io.StringIO(tables.csv(content)))) == len(content.rows) == 4


def test_paper_numbers_carry_their_protocol(store: Store) -> None:
    store.add("S", "scratch", 0, 0.9, architecture="WRN-40-2")
    text = tables.markdown(build(store.plan(), "quick"))
    assert "95.21 [1]" in text
    assert r"- \[1\] Moonshine, Table 2: last epoch; 1 run" in text
    assert "for orientation" in text


def test_papers_numbers_of_the_last_epoch_share_no_column_with_others(store: Store) -> None:
    """Some papers choose the epoch on the test set, which is 0.3 points more."""
    store.add("S", "scratch", 0, 0.9)
    content = build(store.plan(), "quick")
    papers = [Paper(0.95, None, "A: last epoch", "last"), Paper(0.96, None, "B: best", "best_on_test")]
    rows = content.rows.assign(papers=[papers], paper_marks=[[" [1]", " [2]"]], paper_top1=0.95, paper_other_top1=0.96)
    texts = {column.title: column.text(rows.iloc[0]) for column in columns(rows, content.sweep.score)}
    assert texts["Paper top-1 %"] == "95.00 [1]"
    assert texts["Paper top-1 %, not of the last epoch"] == "96.00 [2]"
    line = pd.read_csv(io.StringIO(tables.csv(dataclasses.replace(content, rows=rows)))).iloc[0]
    assert (line["paper_top1_all"], line["paper_protocols"]) == (0.95, "A: last epoch")
    assert (line["paper_other_top1_all"], line["paper_other_protocols"]) == (0.96, "B: best")


@pytest.mark.parametrize(
    ("value", "text"),
    [(1234.5, "1,234"), (328.26, "328.3"), (0.012345, "0.01235"), (0.0, "0"), (float("nan"), "-")],
)
def test_four_significant_digits(value: float, text: str) -> None:
    assert significant(value) == text


def test_notes_are_numbered_in_the_order_of_reading(store: Store) -> None:
    """The first row that is read has the first mark, whichever column it is in."""
    store.add("S", "scratch", 0, 0.95)
    store.add("G(4)", "scratch", 0, 0.949)
    store.add("G(4)", "kd", 0, 0.948)
    store.add("G(N)", "kd", 0, 0.90)
    content = build(store.plan(), "quick")
    text = tables.markdown(content)
    table = [line for line in text.splitlines() if line.startswith("| ")]
    marks = [part[0] for line in table for part in line.split("[")[1:] if part[1] == "]" and part[0].isalpha()]
    assert marks == ["a", "b"]
    assert [mark for mark, _ in content.notes][:2] == ["a", "b"]


def test_a_row_whose_multiply_adds_torch_counts_otherwise_says_so(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upgrade, "SIZES", (*upgrade.SIZES, "macs_by_torch"))
    for conv, by_torch in {"S": None, "G(4)": 7}.items():
        path = store.root / store.add(conv, "scratch", 0, 0.9) / "result.json"
        body = json.loads(path.read_text())
        body["networks"][0]["macs_by_torch"] = by_torch
        path.write_text(json.dumps(body))
    content = build(store.plan(), "quick")
    assert list(content.rows["counters_differ"]) == list(content.rows["conv"] == "G(4)")
    assert any("torch's own counter" in note for _, note in content.notes)


def test_sizes_that_differ_between_seeds_are_said_to_be_means(store: Store) -> None:
    store.add("S", "scratch", 0, 0.95)
    for seed in (0, 1):
        key = store.add("G(4)", "searched", seed, 0.9)
        path = store.root / key / "result.json"
        body = json.loads(path.read_text())
        body["networks"][0]["params"] += 1000 * seed
        path.write_text(json.dumps(body))
    content = build(store.plan(), "quick")
    assert any("every seed ends with another network" in note for _, note in content.notes)
    assert "[" in next(cell for cell in markdown_row(tables.markdown(content), "searched") if cell.startswith("G(4)"))


def test_what_was_skipped_is_said_with_its_reason(small: Store) -> None:
    path = small.root / "sweeps" / "quick.json"
    body = json.loads(path.read_text())
    body["skipped"] = [{"architecture": "net", "conv": "G(3)", "method": "kd", "reason": "3 does not divide 4"}]
    path.write_text(json.dumps(body))
    assert "Skipped, because it cannot be: net G(3) by kd (3 does not divide 4)." in (
        tables.markdown(build(small.root, "quick"))
    )
