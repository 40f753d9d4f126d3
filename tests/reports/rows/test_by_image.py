"""Rows of a report whose mistakes were kept: compared image by image, and set beside their teacher."""

import pandas as pd
import pytest

from cheapconv.docs.agreement import agreement
from cheapconv.reports.answers.content import Content, build
from cheapconv.reports.statistics import differences
from cheapconv.reports.statistics.images import COLUMN
from tests.reports.store import Store

TEACHER = [0, 0, 0, 0, 0, 0, 7, 3, 3, 3]  # six of ten are right
STUDENT = [0, 0, 0, 0, 0, 2, 7, 3, 1, 0]  # agrees on seven: five that are right and two that are wrong
ALONE = [0, 0, 0, 0, 0, 2, 1, 1, 1, 1]  # on the five


def share(mistakes: list[int]) -> float:
    return mistakes.count(0) / len(mistakes)


def answering(store: Store, conv: str, method: str, mistakes: list[int], seed: int = 0, **more: object) -> str:
    key = store.add(conv, method, seed, share(mistakes), test_images=len(mistakes), **more)  # type: ignore[arg-type]
    store.answer(key, mistakes)
    return key


@pytest.fixture
def taught(store: Store) -> Store:
    """A teacher, its student, and the same network alone."""
    teacher = answering(store, "S", "scratch", TEACHER)
    answering(store, "G(N)", "scratch", ALONE)
    answering(store, "G(N)", "kd", STUDENT, teacher=teacher)
    return store


def row(content: Content, conv: str, method: str) -> pd.Series:
    [found] = [row for _, row in content.rows.iterrows() if (row["conv"], row["method"]) == (conv, method)]
    return found


def test_agreement_is_the_share_of_images_that_both_answer_alike(taught: Store) -> None:
    content = build(taught.plan(), "quick")
    assert row(content, "G(N)", "kd")["agreement_mean"] == pytest.approx(0.7)
    assert row(content, "G(N)", "scratch")["agreement_mean"] == pytest.approx(0.5)  # with the teacher of its seed
    assert pd.isna(row(content, "S", "scratch")["agreement_mean"])
    assert "Agrees with teacher %" in {column.title for column in content.columns}


def test_a_row_without_a_teacher_is_set_beside_none_of_several(taught: Store) -> None:
    another = answering(taught, "G(4)", "scratch", TEACHER)
    answering(taught, "G(N)", "at", STUDENT, teacher=another)
    content = build(taught.plan(), "quick")
    assert pd.isna(row(content, "G(N)", "scratch")["agreement_mean"])
    assert row(content, "G(N)", "at")["agreement_mean"] == pytest.approx(0.7)


def test_a_row_without_a_teacher_is_set_beside_that_of_its_recipe(taught: Store) -> None:
    """Of two teachers the one whose students were trained for as long; where nobody was, beside none."""
    longer, longest = ({"recipe": {"name": "short", "epochs": epochs}} for epochs in (4, 8))
    another = answering(taught, "S", "scratch", ALONE, **longer)
    answering(taught, "G(N)", "kd", STUDENT, teacher=another, **longer)
    answering(taught, "G(4)", "scratch", ALONE, **longer)
    answering(taught, "G(4)", "od", ALONE, **longest)
    content = build(taught.plan(), "quick")
    assert row(content, "G(N)", "scratch")["agreement_mean"] == pytest.approx(0.5)
    assert row(content, "G(4)", "scratch")["agreement_mean"] == 1.0
    assert pd.isna(row(content, "G(4)", "od")["agreement_mean"])


def test_there_is_no_such_column_where_nothing_is_known(store: Store) -> None:
    teacher = store.add("S", "scratch", 0, 0.6)
    store.add("G(N)", "kd", 0, 0.5, teacher=teacher)
    content = build(store.plan(), "quick")
    assert "Agrees with teacher %" not in {column.title for column in content.columns}
    assert "image by image" not in " ".join(content.remarks)


def several(store: Store) -> Content:
    """Another seed of all three."""
    teacher = answering(store, "S", "scratch", TEACHER, seed=1)
    answering(store, "G(N)", "scratch", ALONE[::-1], seed=1)
    answering(store, "G(N)", "kd", STUDENT[::-1], seed=1, teacher=teacher)
    return build(store.plan(), "quick")


def test_rows_are_compared_image_by_image(taught: Store) -> None:
    """Their seeds have as many right as one another, so that the images decide."""
    content = several(taught)
    kd, alone = row(content, "G(N)", "kd"), row(content, "G(N)", "scratch")
    assert differences.p_value(kd, alone)[1] == "over the images"
    assert any("are compared image by image." in remark for remark in content.remarks)


def test_single_runs_are_not(taught: Store) -> None:
    content = build(taught.plan(), "quick")
    assert differences.p_value(row(content, "G(N)", "kd"), row(content, "G(N)", "scratch"))[1].startswith("by the test")
    assert "image by image" not in " ".join(content.remarks)


def test_mistakes_that_are_not_those_of_the_score_count_nothing(taught: Store) -> None:
    """Of another test set, or of before a result was changed by hand."""
    for seed, top1 in enumerate((0.9, share(STUDENT))):
        taught.answer(taught.add("G(N)", "at", seed, top1, test_images=10), STUDENT)
    content = several(taught)
    at = row(content, "G(N)", "at")
    assert at[COLUMN] is None
    assert pd.isna(at["agreement_mean"])  # nor is a mean of some seeds that of the row
    assert differences.p_value(at, row(content, "G(N)", "kd"))[1] != "over seeds and images"
    assert any("those whose mistakes were not kept" in remark for remark in content.remarks)


def test_mistakes_that_were_damaged_are_named_and_count_nothing(taught: Store) -> None:
    (taught.root / taught.keys[2] / "mistakes.npz").write_bytes(b"something else")
    (taught.root / taught.keys[1] / "mistakes.npz").unlink()
    content = build(taught.plan(), "quick")
    assert row(content, "G(N)", "kd")[COLUMN] is None
    assert content.sweep.faults == (
        f"{taught.keys[1]}: mistakes.npz is missing",
        f"{taught.keys[2]}: mistakes.npz is damaged: it is not what was written",
    )


def test_what_is_deployed_is_not_what_was_trained(taught: Store) -> None:
    taught.deploy(taught.keys[2], 0.5)
    rows = build(taught.plan(), "quick").rows
    assert rows.loc[rows["deployed"] != "", COLUMN].isna().all()
    assert rows.loc[rows["deployed"] != "", "agreement_mean"].isna().all()


def test_the_page_says_how_much_more_than_alone_a_student_agrees(taught: Store) -> None:
    lines = agreement([build(taught.plan(), "quick")]).splitlines()
    assert lines[0] == "quick:"
    assert [cell.strip() for cell in lines[-1].strip("|").split("|")] == [
        *("WRN-16-2 G(N)", "kd", "yes", "70.00", "+20.00", "+10.00")
    ]


def test_without_answers_the_page_has_no_such_table(store: Store) -> None:
    store.add("S", "scratch", 0, 0.6)
    assert agreement([build(store.plan(), "quick")]).startswith("No sweep")
