"""JSON and Parquet: the numbers of the CSV, real types, no NaN, names as they are."""

import io
import json
import math
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from cheapconv.reports.answers.content import Content, build
from cheapconv.reports.formats import exports, fields, tables
from tests.reports.store import ENVIRONMENT, Store


@pytest.fixture
def hostile(small: Store) -> Content:
    """With a formula for a method, a row without a result, and a failure."""
    small.seeds("G(N)", "m", [0.85, 0.87], method_label="=1+1")
    small.add("G(N)", "broken", 0, state="failed", error="<b> & NaN")
    return build(small.plan(), "quick")


def read_csv(content: Content) -> pd.DataFrame:
    lists = dict.fromkeys(("paper_top1_all", "paper_other_top1_all"), str)  # one of one number is a text too
    return pd.read_csv(io.StringIO(tables.csv(content)), keep_default_na=False, na_values=[""], dtype=lists)


def strict(text: str) -> Any:
    """JSON without the NaN that Python's own reader takes."""
    return json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))


def same(value: Any, other: Any) -> bool:
    """Equal; what is not there is None, or NaN."""
    missing = [
        each is None or each is pd.NA or (isinstance(each, float) and math.isnan(each)) for each in (value, other)
    ]
    return all(missing) if any(missing) else value == other


def test_json_and_parquet_have_the_numbers_of_the_csv(hostile: Content) -> None:
    table = read_csv(hostile)
    rows = strict(exports.json_text(hostile))["rows"]
    parquet = pq.read_table(io.BytesIO(exports.parquet_bytes(hostile))).to_pylist()
    _, known = fields.table(hostile)
    assert len(table) == len(rows) == len(parquet) == 6
    for expected, row, record in zip(table.to_dict("records"), rows, parquet, strict=True):
        expected["method"] = expected["method"].removeprefix("'")
        assert [*record] == [each.name for each in known]
        assert [name for name in record if not same(expected[name], record[name])] == []
        assert [name for name in record if not same(record[name], row[name])] == []


def test_names_are_guarded_in_the_csv_alone(hostile: Content) -> None:
    assert "'=1+1" in set(read_csv(hostile)["method"])
    assert "=1+1" in {row["method"] for row in exports.document(hostile)["rows"]}
    assert "=1+1" in pq.read_table(io.BytesIO(exports.parquet_bytes(hostile)))["method"].to_pylist()


def test_a_row_has_its_interval_rank_and_papers(store: Store) -> None:
    """1.96 sqrt(0.9 * 0.1 / 10,000) = 0.588 points; Moonshine's Table 2 has 95.21 % of a WRN-40-2."""
    store.add("S", "scratch", 0, 0.9, architecture="WRN-40-2")
    [row] = strict(exports.json_text(build(store.plan(), "quick")))["rows"]
    assert row["interval"] == pytest.approx([0.89412, 0.90588], abs=1e-5)
    assert (row["id"], row["top1_mean"], row["top1_std"], row["rank"]) == ("WRN-40-2/S/scratch", 0.9, None, None)
    assert row["papers"][0]["score"] == 0.9521
    assert row["papers"][0]["protocol"].startswith("Moonshine, Table 2")


def test_a_row_says_where_and_by_what_it_was_trained(store: Store) -> None:
    """Each machine, commit and precision of its seeds once, in order."""
    store.add("G(4)", "scratch", 0, 0.9)
    later = {**ENVIRONMENT, "git_sha": "fedcba9876543210", "git_dirty": False, "device_name": "Other CPU"}
    store.write(f"{store.add('G(4)', 'scratch', 1, 0.9)}/environment.json", later)
    store.add("G(4)", "kd", 0, 0.9)
    rows = {row["method"]: row for row in json.loads(exports.json_text(build(store.plan(), "quick")))["rows"]}
    assert rows["scratch"]["trained_on"] == "Small CPU (cpu, 2 CPU threads); Other CPU (cpu, 2 CPU threads)"
    assert rows["scratch"]["trained_by"] == "0123456789ab with uncommitted changes; fedcba987654"
    assert rows["kd"]["trained_by"] == "0123456789ab with uncommitted changes"
    assert {(row["trained_recipe"], row["trained_precision"]) for row in rows.values()} == {("short", "fp32")}


def test_a_document_has_cells_and_failures(hostile: Content) -> None:
    found = strict(exports.json_text(hostile))
    assert found["schema"] == exports.SCHEMA == 1
    assert found["sweep"] == {
        "name": "quick",
        "suite": "cifar10",
        "recipe": "short",
        "score": {"name": "top1", "title": "Top-1"},
    }
    assert found["conditions"]["Protocol"] == "version 3"
    cells = {cell["key"]: cell for cell in found["cells"]}
    assert len(cells) == 11
    [taught, _] = [cell for cell in found["cells"] if cell["row"] == "WRN-16-2/G(4)/kd"]
    assert (taught["seed"], taught["state"], taught["scores"]["top1"], taught["error"]) == (0, "done", 0.928, None)
    assert (taught["times"]["train_s"], taught["times"]["teacher_train_s"]) == (10.0, 40.0)
    assert taught["machine"] == "Small CPU (cpu, 2 CPU threads)"
    [failure] = found["failures"]
    assert (cells[failure["key"]]["state"], failure["error"]) == ("failed", "<b> & NaN")
    assert {cell["row"] for cell in found["cells"]} == {row["id"] for row in found["rows"]}


def test_columns_have_titles_and_units(small: Store) -> None:
    columns = {each["name"]: each for each in exports.document(build(small.root, "quick"))["columns"]}
    assert columns["macs"]["unit"] == "multiply-adds"
    assert columns["latency_ms"] == {"name": "latency_ms", "kind": "number", "unit": "ms", "title": "Median latency"}
    assert columns["top1_std"]["title"] == "Standard deviation of Top-1 over seeds (n - 1)"
    assert all(each["title"] and "{" not in each["title"] for each in columns.values())


def test_parquet_has_types_and_conditions(hostile: Content) -> None:
    schema = pq.read_schema(io.BytesIO(exports.parquet_bytes(hostile)))
    types = {
        name: str(schema.field(name).type) for name in ("n", "rank", "top1_mean", "complete", "method", "paper_top1")
    }
    assert types == {
        "n": "int64",
        "rank": "int64",
        "top1_mean": "double",
        "complete": "bool",
        "method": "string",
        "paper_top1": "double",
    }
    told = {name.decode(): text.decode() for name, text in schema.metadata.items()}
    assert told == fields.conditions(hostile)
    assert told["protocol"] == "version 3"
    assert schema.field("latency_ms").metadata == {b"title": b"Median latency", b"unit": b"ms"}


def test_the_same_content_gives_the_same_bytes(small: Store) -> None:
    first, second = (build(small.root, "quick") for _ in range(2))
    assert exports.json_text(first) == exports.json_text(second)
    assert exports.parquet_bytes(first) == exports.parquet_bytes(second)


def test_an_interval_without_a_bound_is_strict_json() -> None:
    assert [exports.value_of(value, "number") for value in (math.inf, -math.inf, math.nan, None, pd.NA, 1.5)] == [
        *[None] * 5,
        1.5,
    ]
