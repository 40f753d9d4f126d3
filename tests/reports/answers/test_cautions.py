"""What a report warns of: single runs, doubtful timings, seconds of a busy machine, columns that lack rows."""

import json

import pytest

from cheapconv.reports.answers.content import Content, build
from cheapconv.reports.claims.costs import timed_training
from cheapconv.reports.formats import tables
from cheapconv.reports.page import page, payload
from cheapconv.reports.papers import bill
from cheapconv.reports.rows.quantities import TRAINING, axes
from tests.reports.store import ENVIRONMENT, EPOCH, Store


def told(content: Content, words: str) -> str:
    [found] = [text for text in content.cautions if words in text]
    return found


def epochs(store: Store, key: str, *seconds: float) -> None:
    """Have a cell's epochs take so long."""
    lines = [EPOCH | {"epoch": i, "seconds": s, "top1": {"student_0": 0.9}} for i, s in enumerate(seconds)]
    (store.root / key / "curve.jsonl").write_text("\n".join(json.dumps(line) for line in lines) + "\n")


def test_single_runs_are_counted(small: Store) -> None:
    assert not [text for text in build(small.root, "quick").cautions if "single run" in text]
    small.add("G(2)", "scratch", 0, 0.91)
    assert told(build(small.plan(), "quick"), "1 of 5 rows is a single run").endswith("is not known.")


@pytest.mark.parametrize(
    ("seconds", "is_doubtful"),
    [
        ((10.0, 10.0, 10.0, 30.0), True),  # a mean of 15 s, a quartile of 10
        ((10.0, 10.1, 10.2, 9.9), False),
        ((10.0, 30.0), False),  # of two nobody knows which is the usual one
    ],
)
def test_seconds_beside_other_work_are_marked_and_on_no_front(
    seconds: tuple[float, ...], is_doubtful: bool, small: Store
) -> None:
    epochs(small, small.keys[4], *seconds)  # of kd
    content = build(small.plan(), "quick")
    [row] = [row for _, row in content.rows.iterrows() if row["method"] == "kd"]
    assert (row["training_doubt"] == "its epochs took from 10 to 30 s") is is_doubtful
    assert bool(row["training_marks"]) is is_doubtful
    [*warned] = [text for text in content.cautions if text.startswith("Training with its teacher")]
    assert (
        warned
        == ["Training with its teacher: in doubt, marked and on no front are those of WRN-16-2 G(4) + kd."][
            : int(is_doubtful)
        ]
    )


@pytest.mark.parametrize(("factor", "is_doubtful"), [(1.3, True), (1.2, False)])
def test_seconds_of_seeds_that_are_not_alike_are_in_doubt(factor: float, is_doubtful: bool, small: Store) -> None:
    path = small.root / small.keys[4] / "result.json"  # of kd
    result = json.loads(path.read_text())
    path.write_text(json.dumps(result | {"train_s": factor * result["train_s"]}))
    rows = build(small.plan(), "quick").rows
    doubts = {row["id"]: row["training_doubt"] for _, row in rows.iterrows() if row["training_doubt"]}
    least, most = result["train_s"], factor * result["train_s"]
    said = {"WRN-16-2/G(4)/kd": f"its seeds took from {least:.3g} to {most:.3g} s"}
    assert doubts == (said if is_doubtful else {})


@pytest.mark.parametrize(
    "environments",
    [[ENVIRONMENT | {"device": "cuda:0", "sharing": 8}], [ENVIRONMENT, ENVIRONMENT | {"device_name": "Other CPU"}]],
)
def test_seconds_of_a_shared_gpu_or_of_two_machines_doubt_no_other_seed(
    environments: list[dict[str, object]], small: Store
) -> None:
    path = small.root / small.keys[4] / "result.json"  # of kd, seed 0
    path.write_text(json.dumps(json.loads(path.read_text()) | {"train_s": 100.0}))
    small.write(f"{small.keys[4]}/environment.json", environments)
    cells = build(small.plan(), "quick").cells.set_index("key")
    assert cells.loc[small.keys[5], "training_doubt"] == ""


def test_students_of_unlike_teachers_need_not_take_the_same_time(store: Store) -> None:
    small, large = store.add("G(4)", "scratch", 0, 0.9), store.add("S", "scratch", 0, 0.95)
    keys = [store.add("G(2)", "kd", 0, 0.9, teacher=teacher) for teacher in (small, large)]
    path = store.root / keys[1] / "result.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"train_s": 100.0}))
    assert not build(store.plan(), "quick").rows["training_doubt"].any()


def test_a_student_of_a_teacher_in_doubt_is_in_doubt(small: Store) -> None:
    epochs(small, small.keys[0], 10.0, 10.0, 10.0, 30.0)
    rows = build(small.plan(), "quick").rows
    doubted = {*rows.loc[rows["training_doubt"] != "", "id"]}
    assert doubted == {"WRN-16-2/S/scratch", "WRN-16-2/G(4)/kd"}


def test_seconds_of_a_gpu_that_others_had_too_are_marked_and_on_no_front(small: Store) -> None:
    small.write(f"{small.keys[4]}/environment.json", ENVIRONMENT | {"device": "cuda:0", "sharing": 8})  # of kd
    content = build(small.plan(), "quick")
    [row] = [row for _, row in content.rows.iterrows() if row["method"] == "kd"]
    assert row["training_doubt"] == "up to 8 processes trained on its GPU at once"
    assert "doubtful seconds: up to 8 processes" in tables.markdown(content)
    assert told(content, "Training with its teacher").endswith("those of WRN-16-2 G(4) + kd.")


def test_seconds_of_a_cell_that_went_on_elsewhere_are_in_doubt(small: Store) -> None:
    small.write(f"{small.keys[4]}/environment.json", [ENVIRONMENT, ENVIRONMENT | {"device_name": "Other CPU"}])  # of kd
    rows = build(small.plan(), "quick").rows
    [row] = [row for _, row in rows.iterrows() if row["method"] == "kd"]
    assert row["busy"] == ("it was trained on Small CPU (cpu, 2 CPU threads), then Other CPU (cpu, 2 CPU threads)")
    assert [*timed_training(rows)["method"]].count("kd") == 0


def test_seconds_of_another_machine_are_compared_with_nothing(small: Store) -> None:
    small.write(f"{small.keys[4]}/environment.json", ENVIRONMENT | {"device_name": "Other CPU"})  # of kd
    content = build(small.plan(), "quick")
    [row] = [row for _, row in content.rows.iterrows() if row["method"] == "kd"]
    assert row["training_doubt"].startswith("Other CPU")
    assert row["busy"] == ""
    assert not TRAINING.known(content.rows)[row.name]
    assert "trained on Other CPU" in tables.markdown(content)
    assert "did other work too" not in tables.markdown(content)


def test_two_gpus_of_a_machine_are_one_machine(small: Store) -> None:
    for place, key in enumerate(small.keys):
        small.write(f"{key}/environment.json", [ENVIRONMENT | {"device": f"cuda:{place % 2}"}])
    rows = build(small.plan(), "quick").rows
    assert TRAINING.known(rows).all()
    assert not rows["trained_elsewhere"].any()


def test_where_all_seconds_are_in_doubt_they_are_no_axis_and_no_bill(small: Store) -> None:
    for key in small.keys:
        small.write(f"{key}/environment.json", [ENVIRONMENT | {"device": "cuda:0", "sharing": 2}])
    content = build(small.plan(), "quick")
    assert told(content, "Training with its teacher").startswith("Training with its teacher: in doubt")
    assert TRAINING not in axes(content.rows)
    assert content.conditions["Training"] == f"not known of {len(small.keys)} cells, which shared their GPU with others"
    assert [*bill.figures(content)] == []
    assert {str(row["bill"]) for row in payload.payload(content)["rows"]} == {"[None, None, None]"}  # type: ignore[attr-defined]


def test_a_latency_that_not_all_rows_have_says_so(small: Store) -> None:
    small.add("G(2)", "scratch", 0, 0.91)
    text = told(build(small.plan(), "quick"), "Latency is known of 4 of 5 rows")
    assert text.endswith("the fastest row may be among them.")


def test_a_latency_is_missing_only_of_rows_that_are_deployed_so(small: Store) -> None:
    for key in small.keys[:6]:  # but those of the online students
        small.deploy(key, 0.9)
    for conv in ("S", "G(4)"):
        small.measure(conv, 2.0, runtime="onnxruntime", precision="int8")
    assert not [text for text in build(small.root, "quick").cautions if "is known of" in text]
    small.deploy(small.add("G(2)", "scratch", 0, 0.91), 0.9)
    content = build(small.plan(), "quick")
    for title in ("Latency on A is known of 4 of 5 rows", "Latency on B is known of 3 of 4 rows"):
        assert told(content, title).startswith(f"{title} that are deployed so; ")


def test_the_teacher_and_what_names_stand_for_are_said(small: Store) -> None:
    path = small.root / "sweeps" / "quick.json"
    about = {"conv": {"G(4)": "Grouped <convolution>."}, "method": {"kd": "Logits, softened by `t`."}}
    path.write_text(json.dumps(json.loads(path.read_text()) | {"about": about}))
    content = build(small.root, "quick")
    assert content.conditions["Teachers"] == "WRN-16-2 S + scratch (for 2 cells)"
    assert "- **G(4):** Grouped &lt;convolution>.\n- **kd:** Logits, softened by `t`." in tables.markdown(content)
    assert "<dt>G(4)</dt><dd>Grouped &lt;convolution&gt;.</dd>" in page.html(content, [])


def test_rows_that_learnt_from_fewer_teachers_than_they_have_seeds_are_told(store: Store) -> None:
    teacher, other = (store.add("S", "scratch", seed, 0.9 + seed / 100) for seed in (0, 1))
    for seed in (0, 1):
        store.add("G(4)", "kd", seed, 0.8 + seed / 100, teacher=teacher)
        store.add("G(4)", "at", seed, 0.8 + seed / 100, teacher=(teacher, other)[seed])
    store.plan()
    [told] = [text for text in build(store.root, "quick").cautions if "fewer teachers" in text]
    assert told.endswith("know too little of how teachers differ: WRN-16-2 G(4) + kd.")


def test_a_single_run_has_one_teacher_as_it_should(store: Store) -> None:
    store.add("G(4)", "kd", 0, 0.8, teacher=store.add("S", "scratch", 0, 0.9))
    store.plan()
    assert not any("fewer teachers" in text for text in build(store.root, "quick").cautions)
