"""Several sweeps in one report: what is joined, and what is refused."""

import json
from pathlib import Path

import pytest

from cheapconv.catalog.errors import UserError
from cheapconv.reports.answers.content import build, build_several
from cheapconv.reports.formats import tables
from cheapconv.reports.page import page
from tests.reports.store import Store

SKIPPED = {"architecture": "WRN-16-2", "conv": "G(7)", "method": "kd", "reason": "7 does not divide 16"}


def plan(store: Store, sweep: str, keys: list[str], **body: object) -> None:
    """A sweep of some of the store's cells."""
    cells = [{"key": key, "entry": sweep, "needs": []} for key in keys]
    planned = {"sweep": sweep, "suite": "cifar10", "recipe": "short", "created": "2026-01-01T09:00:00+00:00"}
    store.write(f"sweeps/{sweep}.json", {**planned, "cells": cells, **body})


@pytest.fixture
def two(store: Store) -> Store:
    """`first` has the standard network and its grouped form, `second` the same standard cells and distillation."""
    standard = store.seeds("S", "scratch", [0.949, 0.951])
    grouped = store.seeds("G(4)", "scratch", [0.899, 0.901])
    taught = store.seeds("G(4)", "kd", [0.928, 0.932], teacher=standard[0])
    plan(store, "first", [*standard, *grouped], skipped=[SKIPPED | {"entry": "a"}])
    plan(store, "second", [*standard, *taught], skipped=[SKIPPED | {"entry": "b"}])
    return store


def test_cells_of_both_count_once_and_rows_meet(two: Store) -> None:
    content = build_several(two.root, ["first", "second", "first"], "Both")
    assert [(row["conv"], row["method"], row["n"]) for _, row in content.rows.iterrows()] == [
        *[("S", "scratch", 2), ("G(4)", "kd", 2), ("G(4)", "scratch", 2)],
    ]
    assert len(content.cells) == 6
    assert (content.sweep.name, content.sweep.joined) == ("Both", ("first", "second"))
    assert content.conditions["Cells"] == "6 of 6 done"
    assert content.conditions["Sweeps"] == "first, second"
    # Neither sweep alone has all three: (93 - 90) / (95 - 90).
    assert content.rows["gap_recovered"].max() == pytest.approx(0.6)
    assert build(two.root, "second").rows["gap_recovered"].isna().all()
    assert sum("Skipped" in remark for remark in content.remarks) == 1


def test_seeds_of_a_row_in_two_sweeps_are_one_row(store: Store) -> None:
    keys = store.seeds("S", "scratch", [0.94, 0.95, 0.96])
    plan(store, "first", keys[:2])
    plan(store, "second", keys[1:])
    [row] = build_several(store.root, ["first", "second"], "t").rows.to_dict("records")
    assert (row["n"], row["planned"], row["top1_mean"]) == (3, 3, pytest.approx(0.95))


def test_what_is_merged_besides(two: Store) -> None:
    for sweep, conv in (("first", "G(4)"), ("second", "S")):
        path = two.root / "sweeps" / f"{sweep}.json"
        body = json.loads(path.read_text())
        sizes = {"params": 3, "macs": 4, "standard_params": 2, "standard_macs": 3}
        body["dearer"] = [{"architecture": "WRN-16-2", "conv": conv, **sizes}]
        body["cells"] += [{"key": key, "entry": None, "needs": []} for key in ("unknown", f"of-{sweep}")]
        path.write_text(json.dumps(body))
    (two.root / two.keys[0] / "curve.jsonl").write_text("")
    sweep = build_several(two.root, ["first", "second"], "t").sweep
    assert sweep.unrecorded == 3  # one of them is planned by both
    assert sweep.dearer.keys() == {("WRN-16-2", "G(4)"), ("WRN-16-2", "S")}
    assert len(sweep.faults) == 1
    assert {record.result.teacher_train_s for record in sweep.records if record.result} == {0.0, 40.0}


def test_one_sweep_is_its_own_report_under_a_title(two: Store) -> None:
    alone, titled = build(two.root, "first"), build_several(two.root, ["first"], "t")
    assert alone.rows.equals(titled.rows)
    assert titled.sweep.name == "t"


def test_a_number_that_an_entry_overrides_tells_rows_apart(two: Store) -> None:
    others = two.seeds("G(4)", "scratch", [0.90, 0.91], recipe={"lr": 0.05})
    plan(two, "third", [*two.keys[:4], *others])
    rows = build_several(two.root, ["second", "third"], "t").rows
    assert sorted(rows["variant"]) == ["", "", "", "lr=0.05"]


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ({"data": "other"}, r"data \(f1f2f3 and other\)"),
        ({"protocol": 4}, r"protocol \(version 3 and version 4\)"),
        ({"suite": "cifar100"}, r"suite \(cifar10 and cifar100\)"),
        ({"recipe": {"epochs": 4, "lr": 0.2}}, r"epochs \(2 and 4\), lr \(0\.1 and 0\.2\)"),
        ({"recipe": {"schedule": {"name": "cosine", "drop": 0.1}}}, r"schedule\.drop \(none and 0\.1\)"),
    ],
)
def test_sweeps_that_differ_are_refused_with_what_differs(cell: dict, told: str, two: Store) -> None:
    plan(two, "other", two.seeds("G(N)", "scratch", [0.90, 0.91], **cell))
    with pytest.raises(
        UserError,
        match=f"'first' and 'other'.* differ in {told}: report each on its own, or one with --compare the other",
    ):
        build_several(two.root, ["first", "other"], "t")


def test_sweeps_of_other_scores_are_refused(two: Store) -> None:
    [key] = two.seeds("G(N)", "scratch", [0.90])
    path = two.root / key / "result.json"
    body = json.loads(path.read_text())
    networks = [{k: v for k, v in n.items() if k != "top1"} | {"scores": {"miou": 0.9}} for n in body["networks"]]
    sizes = {"params", "params_with_bn_stats", "macs", "flops", "weights_bytes", "activation_bytes"}
    for network in networks:
        network["sizes"] = {name: network.pop(name) for name in sizes}
        network["best"] = 0.9
        for name in ("top5", "top1_best"):
            del network[name]
    new = {"schema": 2, "headline": "miou", "scores": {"miou": 0.9}, "best": 0.9, "steps_s": 10.0, "method_s": 0.0}
    kept = {k: body[k] for k in ("key", "epochs", "best_epoch", "train_s", "train_images_per_s", "teacher_train_s")}
    path.write_text(json.dumps(kept | new | {"networks": networks, "test_samples": 10_000}))
    plan(two, "dense", [key])
    with pytest.raises(UserError, match=r"headline score \(top-1 and mean IoU\)"):
        build_several(two.root, ["first", "dense"], "t")


def test_a_recipe_of_another_name_and_the_same_numbers_is_the_same(two: Store) -> None:
    plan(two, "renamed", two.seeds("G(N)", "scratch", [0.90, 0.91], recipe={"name": "brief"}))
    assert len(build_several(two.root, ["first", "renamed"], "t").rows) == 3


def test_a_title_is_text_in_every_form(two: Store, tmp_path: Path) -> None:
    content = build_several(two.root, ["first", "second"], "=cmd()<script>alert(1)</script>")
    page.write(content, tmp_path / "out")
    written = (tmp_path / "out" / "index.html").read_text()
    assert "<script>alert" not in written
    assert "<h1>=cmd()&lt;script&gt;" in written
    assert "<script>" not in tables.markdown(content)
    assert ",'=cmd()" in tables.csv(content)


def test_a_sweep_without_a_plan_is_named(two: Store) -> None:
    with pytest.raises(UserError, match="holds no plan of a sweep 'thrid'"):
        build_several(two.root, ["first", "thrid"], "t")
