"""A report of a sweep whose score is no top-1: what it is called, whose error it has, the pictures of its answers."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

import cheapconv
from cheapconv.engine.store import pictures
from cheapconv.engine.store.runs import Store as Runs
from cheapconv.reports.answers.content import build
from cheapconv.reports.claims import published
from cheapconv.reports.page import page
from cheapconv.reports.page.predictions import LARGEST, predictions
from cheapconv.reports.rows import collect
from cheapconv.reports.rows.score import Score
from tests.reports.store import Store

PNG = b"\x89PNG of answers"


def as_segmentation(store: Store, error: float) -> None:
    """Turn a store's results into those of segmentation."""
    for key in store.keys:
        run = Runs(store.root).run(key)
        result = run.result()
        assert result is not None
        scores = {"miou": result.score, "pixel_accuracy": 0.9, "miou_error": error}
        run.write_curve([replace(row, scores=dict.fromkeys(row.scores, scores)) for row in run.curve()])
        pictures.write(run, PNG + key.encode())
        networks = tuple(replace(network, scores=scores) for network in result.networks)
        run.finish(replace(result, headline="miou", scores=scores, networks=networks))


@pytest.fixture
def sweep(store: Store) -> Store:
    """A teacher, and two students of which the second is the better one."""
    teacher = store.add("S", "scratch", 0, 0.50, test_images=12)
    store.add("G(N)", "scratch", 0, 0.30, test_images=12)
    store.add("G(N)", "at", 0, 0.40, test_images=12, teacher=teacher)
    store.plan("quick")
    return store


def test_names_are_those_of_the_score(sweep: Store, tmp_path: Path) -> None:
    as_segmentation(sweep, 0.01)
    content = build(sweep.root, "quick")
    assert {"Mean IoU %", "Pixels right %"} <= {column.title for column in content.columns}
    assert content.remarks[0].startswith("Mean IoU is that of the last epoch")
    page.render(sweep.root, "quick", tmp_path / "out", tmp_path / "assets")
    texts = {path.name: path.read_text() for path in (tmp_path / "out").iterdir() if path.suffix != ".parquet"}
    assert not any("top-1" in text.lower() or "top1" in text for text in texts.values())
    assert {"miou_mean", "miou_error_mean", "paper_miou"} <= {*texts["table.csv"].splitlines()[0].split(",")}
    assert "Mean IoU against cost" in texts["index.html"]
    assert "Mean IoU %" in page.render(sweep.root, "quick", tmp_path / "out").summary
    assert "miou" in cheapconv.frame(sweep.root, "quick")
    assert "top1" not in cheapconv.frame(sweep.root, "quick")


@pytest.mark.parametrize(("error", "ranks"), [(0.01, ["ref", "1", "2"]), (0.2, ["ref", "1 to 2", "1 to 2"])])
def test_rows_differ_by_the_error_that_was_counted(sweep: Store, error: float, ranks: list[str]) -> None:
    """0.4 and 0.3 are 0.1 / (0.01 sqrt(2)) = 7 errors apart, or a third of one; of 12 binomial images 0.5."""
    as_segmentation(sweep, error)
    content = build(sweep.root, "quick")
    assert [content.columns[0].text(row) for _, row in content.rows.iterrows()] == ranks
    assert any("the test set's error over its images alone decides" in remark for remark in content.remarks)


def test_the_page_shows_the_answers_of_the_best_and_the_worst_student(sweep: Store, tmp_path: Path) -> None:
    as_segmentation(sweep, 0.01)
    best, worst = predictions(collect.read_sweep(sweep.root, "quick"))
    assert best.caption == "The best student, WRN-16-2 G(N) at, seed 0: mean IoU 40.00 %"
    assert worst.caption == "The worst student, WRN-16-2 G(N) scratch, seed 0: mean IoU 30.00 %"
    page.render(sweep.root, "quick", tmp_path)
    text = (tmp_path / "index.html").read_text()
    assert text.count('src="data:image/png;base64,') == text.count("<img") == 2


def test_a_sweep_without_pictures_shows_none(sweep: Store, tmp_path: Path) -> None:
    page.render(sweep.root, "quick", tmp_path)
    assert "<img" not in (tmp_path / "index.html").read_text()


@pytest.mark.parametrize("body", [b"another", b"x" * (LARGEST + 1), None])
def test_a_picture_that_is_not_the_trainings_is_not_shown(sweep: Store, body: bytes | None) -> None:
    as_segmentation(sweep, 0.01)
    path = sweep.root / sweep.keys[2] / "answers.png"
    path.unlink() if body is None else path.write_bytes(body)
    assert [shown.caption[:9] for shown in predictions(collect.read_sweep(sweep.root, "quick"))] == ["The worst"]


def test_papers_of_segmentation_stand_beside_mean_ious_alone() -> None:
    row = {"suite_label": "Cityscapes", "architecture": "ERFNet", "conv": "G(N)", "method_name": "at"}
    row |= {"is_baseline": False, "method_config": {}, "teacher": "ERFNet", "teacher_is_standard": True}
    [paper] = published.match(pd.Series({**row, "score": "miou"}))
    assert paper.top1 == 0.6811
    assert "Moonshine, Table 4" in paper.protocol
    assert published.match(pd.Series({**row, "score": "top1"})) == []


def test_an_unknown_score_is_called_as_its_task_does() -> None:
    assert (Score("rmse").heading, Score("rmse").column("top1_mean")) == ("Rmse %", "rmse_mean")
    assert (Score().heading, Score().column("paper_top1")) == ("Top-1 %", "paper_top1")
