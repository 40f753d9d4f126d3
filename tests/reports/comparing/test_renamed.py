"""Reports of two releases that call networks otherwise."""

import json
from pathlib import Path

import pytest

from cheapconv.reports.answers.content import build
from cheapconv.reports.comparing.comparison import compare
from tests.reports.store import Store

OLDER = {"architecture_label": "wide resnet 16-2", "conv_label": "group of four", "method_label": "distillation"}


@pytest.mark.parametrize("newer_first", [False, True])
def test_rows_that_another_release_named_longer_are_the_same(tmp_path: Path, newer_first: bool) -> None:
    stores = [Store(tmp_path / "older"), Store(tmp_path / "newer")]
    for store in stores:
        store.seeds("G(4)", "scratch", [0.90, 0.91])
        store.seeds("G(4)", "kd", [0.92, 0.93])
    for key in stores[0].keys[2:]:
        path = stores[0].root / key / "cell.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | OLDER))
    before, after = (build(store.plan(), "quick") for store in (reversed(stores) if newer_first else stores))
    assert {*before.rows["id"]} != {*after.rows["id"]}
    comparison = compare(before, after)
    assert {row.id: row.verdict for row in comparison.rows} == dict.fromkeys(
        [*build(stores[1].root, "quick").rows["id"]], "same"
    )
    assert (len(comparison.only_before), len(comparison.only_after)) == (0, 0)
