"""Two reports compared: verdicts by hand-worked numbers, other bits, sizes, timings, and texts."""

import csv
import io
import json
from pathlib import Path

import pytest
import scipy.stats
from statsmodels.stats.multitest import multipletests

from cheapconv.catalog.errors import UserError
from cheapconv.reports.answers.content import Content, build
from cheapconv.reports.comparing import compare, words
from cheapconv.reports.comparing.compare import Comparison
from cheapconv.reports.comparing.matched import Matched
from tests.reports.store import ENVIRONMENT, Store

ANOTHER = "a-cell-of-another-release"  # counts in a store's numbers of cells, which are part of their keys

EARLIER = "0123456789ab with uncommitted changes"


@pytest.fixture
def stores(tmp_path: Path) -> tuple[Store, Store]:
    """Two empty stores."""
    return Store(tmp_path / "one"), Store(tmp_path / "two")


def edit(store: Store, name: str, **values: object) -> None:
    """Other values in a JSON file of a store."""
    path = store.root / name
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def shifted(store: Store) -> None:
    """From here on cells of other keys."""
    store.keys.append(ANOTHER)


def content(store: Store, sweep: str = "quick") -> Content:
    store.keys = [key for key in store.keys if key != ANOTHER]
    return build(store.plan(sweep), sweep)


def compared(stores: tuple[Store, Store]) -> Comparison:
    return compare.compare(*map(content, stores))


def verdicts(comparison: Comparison) -> dict[str, str]:
    return {row.id: row.verdict for row in comparison.rows}


def only(comparison: Comparison) -> Matched:
    [row] = comparison.rows
    return row


def test_the_same_store_is_the_same(small: Store) -> None:
    comparison = compare.compare(build(small.root, "quick"), build(small.root, "quick"))
    assert {*verdicts(comparison).values()} == {"same"}
    assert (comparison.changes, comparison.other_bits, comparison.unlike) == ([], [], [])
    assert {timing.verdict for timing in comparison.timings} == {"same"}
    assert compare.sentences(comparison) == [
        "Suite, data, protocol and recipe are those of before.",
        "Rows in both: 4 (4 same); 0 only before, 0 only after.",
    ]


def test_a_true_difference_of_three_points_is_found(stores: tuple[Store, Store]) -> None:
    """Means 90 and 93; standard errors 0.001 / sqrt(3) each over the seeds, and the test set's, which is wider.

    p is the larger one, Welch's at 4 degrees of freedom.
    """
    one, two = stores
    one.seeds("G(4)", "kd", [0.899, 0.900, 0.901])
    shifted(two)
    two.seeds("G(4)", "kd", [0.929, 0.930, 0.931])
    found = only(compared(stores))
    error, of_seeds = (2 * 0.915 * 0.085 / 10_000) ** 0.5, 0.001 * (2 / 3) ** 0.5
    assert (found.verdict, found.shift.mean) == ("better", pytest.approx(0.03))
    assert found.shift.low == pytest.approx(0.03 - 1.959964 * error)
    assert found.shift.p == pytest.approx(2 * scipy.stats.t.sf(0.03 / of_seeds, 4))
    assert "Welch" in found.shift.test
    assert verdicts(compare.compare(*map(content, reversed(stores)))) == {found.id: "worse"}


def test_a_small_difference_is_within_noise(stores: tuple[Store, Store]) -> None:
    one, two = stores
    one.seeds("G(4)", "kd", [0.899, 0.900, 0.901])
    shifted(two)
    two.seeds("G(4)", "kd", [0.902, 0.903, 0.904])
    comparison = compared(stores)
    assert only(comparison).verdict == "noise"
    assert "Rows in both: 1 (1 not resolved); 0 only before, 0 only after." in compare.sentences(comparison)
    assert "| not resolved |" in words.markdown(comparison)


def test_other_bits_of_the_same_key_are_named_with_both_machines(stores: tuple[Store, Store]) -> None:
    for store, last in zip(stores, (0.901, 0.9012), strict=True):
        store.seeds("G(4)", "kd", [0.899, last])
        store.seeds("S", "scratch", [0.95])
    two = stores[1]
    edit(two, f"{two.keys[1]}/environment.json", device_name="Other CPU")
    comparison = compared(stores)
    assert verdicts(comparison) == {"WRN-16-2/G(4)/kd": "other bits", "WRN-16-2/S/scratch": "same"}
    [bits] = comparison.other_bits
    assert bits.key == two.keys[1]
    told = (
        f"{two.keys[1]} (WRN-16-2/G(4)/kd, seed 1): 90.1 % on Small CPU (cpu, 2 CPU threads), "
        "then 90.12 % on Other CPU (cpu, 2 CPU threads)"
    )
    assert f"Other bits of cell {told}." in compare.sentences(comparison)
    assert told in words.markdown(comparison)


def test_other_bits_among_more_seeds_are_found_too(stores: tuple[Store, Store]) -> None:
    one, two = stores
    one.seeds("G(4)", "kd", [0.899, 0.901])
    two.seeds("G(4)", "kd", [0.899, 0.902, 0.903])
    comparison = compared(stores)
    assert only(comparison).verdict == "noise"
    assert only(comparison).differs == ["seeds"]
    assert [bits.key for bits in comparison.other_bits] == [two.keys[1]]


def test_rows_of_one_side_and_incomplete_ones(stores: tuple[Store, Store]) -> None:
    one, two = stores
    one.seeds("S", "scratch", [0.95, 0.95])
    one.seeds("G(4)", "kd", [0.90, 0.90])
    one.seeds("G(4)", "scratch", [0.89], warning="it is constant")
    shifted(two)
    two.seeds("G(4)", "scratch", [0.90])
    two.seeds("G(N)", "kd", [0.92])
    two.seeds("G(4)", "kd", [0.95])
    two.add("G(4)", "kd", 1, state="failed", error="boom")
    comparison = compared(stores)
    assert verdicts(comparison) == {"WRN-16-2/G(4)/kd": "not compared", "WRN-16-2/G(4)/scratch": "not compared"}
    doubts = {row.id: row.doubt for row in comparison.rows}
    assert doubts["WRN-16-2/G(4)/kd"] == "incomplete after: 1 of 2 seeds"
    assert doubts["WRN-16-2/G(4)/scratch"] == "before, its score means nothing: it is constant"
    assert [*comparison.only_before["id"]] == ["WRN-16-2/S/scratch"]
    assert [*comparison.only_after["id"]] == ["WRN-16-2/G(N)/kd"]
    table = compare.table(comparison).set_index("id")["verdict"]
    assert (table["WRN-16-2/S/scratch"], table["WRN-16-2/G(N)/kd"]) == ("only before", "only after")


def test_cells_that_say_nothing_yet_leave_every_row_incomplete(stores: tuple[Store, Store]) -> None:
    one, two = stores
    one.seeds("S", "scratch", [0.95, 0.95])
    shifted(two)
    two.seeds("S", "scratch", [0.90, 0.90])
    before = content(one)
    content(two)
    after = build(two.plan(unrecorded=["unknown"]), "quick")
    row = only(compare.compare(before, after))
    assert (row.verdict, row.doubt) == ("not compared", "incomplete after: planned cells have no record yet")


def test_the_test_of_many_rows_is_that_of_the_library(stores: tuple[Store, Store]) -> None:
    one, two = stores
    shifted(two)
    for conv, gain in (("S", 0.0), ("G(4)", 0.011), ("G(N)", 0.03)):
        one.seeds(conv, "scratch", [0.90, 0.90])
        two.seeds(conv, "scratch", [0.90 + gain, 0.90 + gain])
    rows = compared(stores).rows
    _, corrected, *_ = multipletests([row.shift.p for row in rows], method="holm")
    assert [row.shift.p_holm for row in rows] == pytest.approx(list(corrected))
    assert [row.verdict for row in rows] == ["noise", "better", "better"]


@pytest.mark.parametrize(
    ("cell", "names"),
    [
        ({"data": "other"}, ["data"]),
        ({"protocol": 4}, ["protocol"]),
        ({"recipe": {"epochs": 9, "lr": 0.2}}, ["epochs", "lr"]),
        ({"method_version": 2}, []),
    ],
)
def test_what_is_not_like_for_like_comes_first(cell: dict, names: list[str], stores: tuple[Store, Store]) -> None:
    one, two = stores
    one.seeds("G(4)", "kd", [0.90, 0.90])
    shifted(two)
    two.seeds("G(4)", "kd", [0.90, 0.90], **cell)
    comparison = compared(stores)
    assert comparison.unlike == names
    told = compare.sentences(comparison)[0]
    assert told.startswith("The numbers are not like for like: " if names else "Suite, data, protocol and recipe are")
    text = words.markdown(comparison)
    assert text.index(told) < text.index("## Rows")
    part = "recipe" if "recipe" in cell else next(iter(cell)).replace("method_version", "version of the method")
    assert only(comparison).differs == [part]


def test_machines_software_and_commit_are_conditions_too(stores: tuple[Store, Store]) -> None:
    for store in stores:
        store.seeds("G(4)", "kd", [0.90, 0.90])
    versions = {"python": "3.12.1", "torch": "2.12.0"}
    edit(stores[1], f"{stores[1].keys[0]}/environment.json", versions=versions, git_sha="f" * 40, threads=4)
    found = {change.name: (change.before, change.after) for change in compared(stores).changes}
    assert found == {
        "hardware": (
            "Small CPU (cpu, 2 CPU threads)",
            "Small CPU (cpu, 2 CPU threads), Small CPU (cpu, 4 CPU threads)",
        ),
        "commit": (
            "0123456789ab with uncommitted changes",
            "0123456789ab with uncommitted changes, ffffffffffff with uncommitted changes",
        ),
        "version of torch": ("2.11.0", "2.11.0, 2.12.0"),
    }
    assert {key: ENVIRONMENT[key] for key in ("device_name", "threads")} == {"device_name": "Small CPU", "threads": 2}


def test_sizes_are_exact_and_seconds_are_a_ratio(stores: tuple[Store, Store]) -> None:
    for store in stores:
        store.seeds("G(4)", "kd", [0.90, 0.90])
    two = stores[1]
    for key in two.keys:
        body = json.loads((two.root / key / "result.json").read_text())
        networks = [network | {"macs": 40_000_001} for network in body["networks"]]
        edit(two, f"{key}/result.json", networks=networks, train_s=15.0)
    comparison = compared(stores)
    assert words.size_changes(only(comparison)) == [("macs", "40,000,000", "40,000,001")]
    assert "Params or MACs changed in 1 row." in compare.sentences(comparison)
    [line] = compare.table(comparison).to_dict("records")
    assert (line["train_s_ratio"], line["same_hardware"]) == (1.5, True)
    assert (line["macs_before"], line["macs_after"]) == (40_000_000, 40_000_001)


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        ((10.0, {}), (13.0, {}), "slower"),  # quartiles 9 to 11 and 12 to 14
        ((13.0, {}), (10.0, {}), "faster"),
        ((10.0, {}), (11.5, {}), "noise"),  # 10.5 is below 11
        ((10.0, {}), (13.0, {"gb_per_s": 8.0}), "noise"),  # the machine is 39 % slower, the network 30 %
        ((10.0, {}), (13.0, {"gb_per_s": 9.0}), "slower"),  # 23 %
        ((10.0, {}), (10.0, {}), "same"),
        ((10.0, {}), (13.0, {"gb_per_s": 5.0}), None),  # another machine under the same name
        ((10.0, {}), (13.0, {"gb_per_s": None}), None),
        ((10.0, {}), (13.0, {"doubt": "the machine was busy"}), None),
        ((10.0, {}), (13.0, {"threads": 2}), None),
        ((10.0, {"device": "Other CPU"}), (13.0, {}), None),
    ],
)
def test_latencies_under_one_condition(before, after, verdict: str | None, stores: tuple[Store, Store]) -> None:
    for store, (latency, options) in zip(stores, (before, after), strict=True):
        store.seeds("G(4)", "kd", [0.90, 0.90])
        store.measure("G(4)", latency, **options)
    comparison = compared(stores)
    assert [timing.verdict for timing in comparison.timings] == ([verdict] if verdict else [])
    [line] = compare.table(comparison).to_dict("records")
    assert line.get("latency_verdict") == verdict
    told = [said for said in compare.sentences(comparison) if said.startswith("Latencies")]
    assert told == ([f"Latencies: 1 {verdict}, of 1 that can be compared."] if verdict in ("slower", "faster") else [])


def test_names_are_text_in_every_form(stores: tuple[Store, Store], tmp_path: Path) -> None:
    one, two = stores
    for store, top1 in ((one, 0.90), (two, 0.95)):
        store.seeds("<script>", "=cmd()|x", [top1, top1], architecture="@a`[b](c)")
        shifted(two)
        store.seeds("S", "+1", [0.90], architecture="-n")
    comparison = compare.compare(*(content(store, "=go()") for store in stores))
    written = compare.write(comparison, tmp_path / "out")
    assert [path.name for path in written] == ["compare.md", "compare.csv"]
    text, table = (path.read_text() for path in written)
    assert "<script>" not in text
    of_tables = [[line.replace("\\|", "").count("|") for line in part.splitlines()] for part in text.split("\n\n")]
    assert [{*pipes} for pipes in of_tables if pipes[0]] == [{10}, {6}]
    rows = list(csv.reader(io.StringIO(table)))
    texts = [value for row in rows[1:] for value in row if not value.replace(".", "").lstrip("-").isdigit()]
    assert not [value for value in texts if value[:1] in ("=", "+", "-", "@")]
    assert "'=cmd()|x" in texts
    assert "'=go()" in texts


def test_rows_of_other_scores_are_not_compared(small: Store) -> None:
    one, two = build(small.root, "quick"), build(small.root, "quick")
    for record in two.sweep.records:
        object.__setattr__(record.result, "headline", "miou")
    with pytest.raises(UserError, match=r"by top-1 and 'quick' by mean IoU.*name two sweeps of one task"):
        compare.compare(one, two)


def test_the_files_follow_from_the_stores_alone(small: Store, tmp_path: Path) -> None:
    for name in ("a", "b"):
        compare.write(compare.compare(build(small.root, "quick"), build(small.root, "quick")), tmp_path / name)
    assert (tmp_path / "a/compare.csv").read_bytes() == (tmp_path / "b/compare.csv").read_bytes()
    assert (tmp_path / "a/compare.md").read_bytes() == (tmp_path / "b/compare.md").read_bytes()


def test_a_folder_that_cannot_be_written_is_the_users_to_name(small: Store, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("in the way")
    comparison = compare.compare(build(small.root, "quick"), build(small.root, "quick"))
    with pytest.raises(UserError, match="name another folder"):
        compare.write(comparison, tmp_path / "out")
