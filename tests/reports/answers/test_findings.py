"""The first sentences of a report: what they say, what they stand on, and what they do not say."""

import re

import pytest

from cheapconv.reports.answers import told
from cheapconv.reports.answers.content import Content, build
from cheapconv.reports.rows.quantities import quantities
from tests.reports.store import Store


def sentences(content: Content) -> list[str]:
    return [finding.text for finding in content.findings]


def one(content: Content, words: str) -> str:
    [found] = [text for text in sentences(content) if words in text]
    return found


@pytest.fixture
def sweep(store: Store) -> Store:
    """Five seeds of three cheap convs; `kd` is 2 points above training alone in each, `od` is not above it."""
    teacher = store.seeds("S", "scratch", [0.949, 0.950, 0.951, 0.950, 0.950])[0]
    for conv, alone in (("G(2)", 0.92), ("G(4)", 0.90), ("G(N)", 0.87)):
        spread = [-0.001, 0.0, 0.001, -0.0005, 0.0005]
        store.seeds(conv, "scratch", [alone + each for each in spread])
        store.seeds(
            conv, "kd", [alone + 0.02 + each + (0.001 if conv == "G(2)" else 0) for each in spread], teacher=teacher
        )
        store.seeds(conv, "od", [alone + each for each in reversed(spread)])
        store.measure(conv, 25.0 if conv == "G(N)" else 10.0, runtime="onnxruntime")
    store.measure("S", 20.0, runtime="onnxruntime")
    store.plan()
    return store


def test_a_resolved_method_gains_with_its_interval_and_the_others_are_said_to_be_open(sweep: Store) -> None:
    """Differences of 2.1, 2.0 and 2.0 points: mean 2.03, t at 2 degrees 4.303 * 0.0577 / sqrt(3) = 0.14; but 10,000
    images at 91 % give sqrt(2) * 0.286 / sqrt(3) = 0.234 a mean, 1.96 of which are 0.46, the wider."""
    content = build(sweep.root, "quick")
    text = one(content, "over training alone")
    assert text.startswith("kd gains 2.03 points over training alone (95 % interval 1.5")
    assert "better in 3 of 3 networks" in text
    assert "among 2 comparisons" in text
    assert one(content, "Not resolved over these networks").startswith(
        "Not resolved over these networks, against training alone, in points, each with its own 95 % interval: od "
    )


def test_a_sentence_stands_on_the_rows_that_it_links_to(sweep: Store) -> None:
    [finding] = [each for each in build(sweep.root, "quick").findings if "over training alone" in each.text]
    assert finding.rows == ("WRN-16-2/G(4)/kd", "WRN-16-2/G(2)/kd", "WRN-16-2/G(N)/kd")
    assert finding.link == "#rows=WRN-16-2%2FG%284%29%2Fkd,WRN-16-2%2FG%282%29%2Fkd,WRN-16-2%2FG%28N%29%2Fkd"


def test_every_row_that_is_named_exists(sweep: Store) -> None:
    content = build(sweep.root, "quick")
    assert {name for finding in content.findings for name in finding.rows} <= {*content.rows["id"]}


def test_what_a_conv_costs_and_what_is_won_back(sweep: Store) -> None:
    """95 - 90 = 5 points at 40 of 100 M; 2 of them are 40 %."""
    content = build(sweep.root, "quick")
    assert "WRN-16-2 G(4) 5.00 points (p < 0.0001)" in one(content, "Cost of a conv")
    assert "at 0.40 of the MACs" in one(content, "Cost of a conv")
    assert "WRN-16-2 G(4) 40 % (" in one(content, "Won back at most")
    assert "single runs" not in one(content, "Won back at most")


def test_time_that_is_not_saved_is_named(sweep: Store) -> None:
    """G(N) takes 25 ms where the standard network takes 20; of four networks rho is that of ranks 4, 2.5, 2.5, 1 (30 M
    of G(2), 40, 20, 100) and latencies 3, 1.5, 1.5, 4."""
    text = one(build(sweep.root, "quick"), "MACs saved are not time saved")
    assert "WRN-16-2 G(N) has 0.20 of the MACs and 1.25 of the latency" in text
    assert "over 4 networks" in one(build(sweep.root, "quick"), "Spearman's rho")


def test_single_runs_say_so(store: Store) -> None:
    store.add("S", "scratch", 0, 0.95)
    store.add("G(4)", "scratch", 0, 0.90)
    content = build(store.plan(), "quick")
    assert one(content, "Cost of a conv").endswith("(single runs: by the test set's error alone).")
    assert any(text.startswith("Single runs:") for text in sentences(content))


def test_two_ways_of_training_alone_are_told_apart(store: Store) -> None:
    store.seeds("S", "scratch", [0.950, 0.951])
    store.seeds("G(4)", "scratch", [0.900, 0.901])
    store.seeds("G(4)", "ind", [0.910, 0.911], is_baseline=True, method_config={"students": 2}, method_label="ind")
    text = one(build(store.plan(), "quick"), "Cost of a conv")
    assert "WRN-16-2 G(4) ind 4.00 points" in text
    assert "WRN-16-2 G(4) 5.00 points" in text


def test_a_conv_costs_what_it_does_by_the_recipe_of_the_standard_network(store: Store) -> None:
    """Twice the epochs are no gain of the conv."""
    for conv, top1 in (("S", [0.950, 0.951]), ("G(4)", [0.900, 0.901]), ("G(N)", [0.880, 0.881])):
        store.seeds(conv, "scratch", top1, recipe={"epochs": 2})
    store.seeds("G(4)", "scratch", [0.960, 0.961], recipe={"epochs": 4})
    store.seeds("G(4)", "kd", [0.91, 0.911], recipe={"epochs": 2})
    text = one(build(store.plan(), "quick"), "Cost of a conv")
    assert text.startswith("Cost of a conv, trained alone: WRN-16-2 G(4) 5.00 points")
    assert "epochs" not in text


def test_rows_that_are_tied_are_named_the_most_accurate_first(store: Store) -> None:
    for conv, top1 in (("S", 0.900), ("G(N)", 0.893), ("G(2)", 0.895), ("G(4)", 0.899)):
        store.seeds(conv, "scratch", [top1 - 0.01, top1 + 0.01])
    content = build(store.plan(), "quick")
    budget = next(text for text in sentences(content) if "not distinguishable from it" in text)
    named = re.findall(r"WRN-16-2 ([^ ]+) \+ scratch", budget)
    assert named == sorted(named, key=["S", "G(4)", "G(2)", "G(N)"].index)
    assert len(named) > 2


def test_a_difference_that_is_none_is_not_told_as_one(store: Store) -> None:
    store.add("S", "scratch", 0, 0.901)
    store.add("G(4)", "scratch", 0, 0.900)
    content = build(store.plan(), "quick")
    assert "not resolved (+0.10, p = 0.81)" in one(content, "Cost of a conv")
    assert not any("Won back" in text for text in sentences(content))


def test_what_is_won_back_is_the_most_or_nothing(store: Store) -> None:
    """kd wins back 110 %, give or take all of it, and at surely 40 %: that is no "at most"."""
    store.seeds("S", "scratch", [0.930, 0.931, 0.929])
    store.seeds("G(4)", "scratch", [0.910, 0.911, 0.909])
    store.seeds("G(4)", "at", [0.9200, 0.9201, 0.9199])
    assert "G(4) 50 %" in one(build(store.plan(), "quick"), "Won back")
    store.seeds("G(4)", "kd", [0.890, 0.950, 0.956])
    assert not any("Won back" in text for text in sentences(build(store.plan(), "quick")))


def test_the_closest_call_says_how_many_seeds_or_images_would_tell(store: Store) -> None:
    store.seeds("S", "scratch", [0.920, 0.905, 0.935])
    store.seeds("G(4)", "scratch", [0.905, 0.890, 0.920])
    text = one(build(store.plan(), "quick"), "is not told from the next")
    assert re.search(r"1\.50 points below; about \d+ seeds of each would tell them apart", text)


def test_a_difference_below_the_test_sets_error_asks_for_images(store: Store) -> None:
    store.seeds("S", "scratch", [0.9011, 0.9010, 0.9012])
    store.seeds("G(4)", "scratch", [0.9001, 0.9000, 0.9002])
    text = one(build(store.plan(), "quick"), "is not told from the next")
    assert "no number of seeds would tell: it takes a test set of about" in text


NEVER = "rows are mostly not told apart, however much they truly differ"


@pytest.mark.parametrize(
    ("apart", "rows", "said"),
    [
        (0.01, 3, r"3 rows whose .* are told apart .*; of two that were chosen beforehand 7\.4 points are enough\."),
        (0.10, 3, rf"3 {NEVER}; of two that were chosen beforehand 73\.5 points are enough\."),
        (0.40, 3, rf"3 {NEVER}; nor are two that were chosen beforehand\."),
        (0.40, 2, rf"2 {NEVER}\."),
    ],
)
def test_no_difference_is_asked_for_that_scores_cannot_have(apart: float, rows: int, said: str, store: Store) -> None:
    """Of two seeds whose standard deviation is s, two rows that were chosen beforehand have to differ by 10.4 s
    (tests/reports/statistics/test_power.py): by 7.35, 73.5 and 294 points here, and two of three by more."""
    for conv in ("S", "G(4)", "G(N)")[:rows]:
        store.seeds(conv, "scratch", [0.5 - apart / 2, 0.5 + apart / 2])
    text = one(build(store.plan(), "quick"), "With n = 2")
    assert re.search(said, text)
    assert all(float(points) <= 100 for points in re.findall(r"([\d.]+) points", text))


def test_nothing_is_said_of_rows_that_are_not_complete(store: Store) -> None:
    store.add("S", "scratch", 0, 0.9)
    store.add("S", "scratch", 1, state="failed")
    assert sentences(build(store.plan(), "quick")) == ["No row is complete yet: nothing is compared."]


def test_equal_budgets_and_ranks_in_words(sweep: Store) -> None:
    content = build(sweep.root, "quick")
    tables = {table.title: table.lines for table in told.equal_cost_tables(content, quantities(content.rows))}
    assert [line.limit for line in tables["Multiply-adds"]] == ["20 M", "50 M", "100 M"]
    assert tables["Multiply-adds"][0].best.text == "WRN-16-2 G(N) + kd"
    assert "Over 3 networks: kd 1.00" in told.ranks(content)


def test_claims_are_told_with_their_rows(sweep: Store) -> None:
    content = build(sweep.root, "quick")
    tested = told.tested_claims(content)
    assert {each.verdict for each in tested} & {"holds", "not resolved", "undecided", "contradicted"}
    assert all({*each.rows.rows} <= {*content.rows["id"]} for each in tested)
    assert len(tested) + len(told.untested_claims(content)) == len(content.claims)


def test_a_conv_with_a_stroke_in_its_name_is_named_whole(store: Store) -> None:
    store.add("BG(2,M/8)", "scratch", 0, 0.90)
    store.add("BG(2,M/8)", "kd", 0, 0.95)
    assert "WRN-16-2 BG(2,M/8) + kd" in one(build(store.plan(), "quick"), "Multiply-adds at most")


def test_an_interval_ends_where_scores_do(store: Store) -> None:
    store.seeds("S", "scratch", [0.97, 0.99])
    store.seeds("S", "kd", [0.97, 0.98])
    assert "to 100.00, n=2" in one(build(store.plan(), "quick"), "Multiply-adds at most")


def test_of_a_sweep_that_is_not_finished_nothing_is_tested(store: Store) -> None:
    for conv, alone in (("G(2)", 0.90), ("G(4)", 0.89), ("G(N)", 0.88), ("B(2)", 0.87)):
        store.add(conv, "scratch", 0, alone)
        store.add(conv, "kd", 0, alone + 0.02)
        for method in ("scratch", "kd"):
            store.add(conv, method, 1, state="planned")
    content = build(store.plan(), "quick")
    assert [found.text for found in content.findings] == ["No row is complete yet: nothing is compared."]


NO_SCORE = "none has a top-1 that means something"


def test_scores_that_all_mean_nothing_are_not_called_incomplete(store: Store) -> None:
    """What does not hang on them is told all the same."""
    for conv, latency_ms in (("S", 20.0), ("G(4)", 40.0)):
        store.add(conv, "scratch", 0, 0.1, warning="student has 10.00 %, as guessing has")
        store.measure(conv, latency_ms)
    content = build(store.plan(), "quick")
    text = one(content, NO_SCORE)
    assert text.startswith("All 2 rows are complete, but ")
    assert "Longer training" in text
    assert not any("No row is complete" in each for each in sentences(content))
    assert "WRN-16-2 G(4) has 0.40 of the MACs and 2.00 of the latency" in one(content, "MACs saved are not time saved")


def test_rows_that_are_still_to_come_are_no_part_of_what_has_learnt_nothing(store: Store) -> None:
    store.add("S", "scratch", 0, 0.1, warning="student has 10.00 %, as guessing has")
    store.add("G(4)", "scratch", 0, state="running")
    [finding] = [each for each in build(store.plan(), "quick").findings if NO_SCORE in each.text]
    assert finding.text.startswith("1 of 2 rows is complete, but ")
    assert finding.rows == ("WRN-16-2/S/scratch",)


def test_where_one_score_means_something_nothing_is_said_of_none(store: Store) -> None:
    store.add("S", "scratch", 0, 0.9)
    store.add("G(4)", "scratch", 0, 0.1, warning="student has 10.00 %, as guessing has")
    assert not any(NO_SCORE in text for text in sentences(build(store.plan(), "quick")))


def test_the_closest_call_is_between_trainings(store: Store) -> None:
    """S in int8 is between S as trained and G(4), and the same training as the one of these."""
    for key in store.seeds("S", "scratch", [0.9010, 0.9011, 0.9012]):
        store.deploy(key, 0.9006)
    store.seeds("G(4)", "scratch", [0.9000, 0.9001, 0.9002])
    text = one(build(store.plan(), "quick"), "is not told from the next")
    assert "WRN-16-2 S + scratch, is not told from the next of another training, WRN-16-2 G(4) + scratch, 0.10" in text


def test_a_deployment_may_be_the_closest_of_another_training(store: Store) -> None:
    store.seeds("S", "scratch", [0.9010, 0.9011, 0.9012])
    for key in store.seeds("G(4)", "scratch", [0.9000, 0.9001, 0.9002]):
        store.deploy(key, 0.9006)
    text = one(build(store.plan(), "quick"), "is not told from the next")
    assert "is not told from the next, WRN-16-2 G(4) + scratch, int8 (ONNX Runtime), 0.05 points below" in text


def test_a_single_training_is_not_called_close_to_itself(store: Store) -> None:
    for key in store.seeds("S", "scratch", [0.9010, 0.9011, 0.9012]):
        store.deploy(key, 0.9010)
    assert not any("is not told from the next" in text for text in sentences(build(store.plan(), "quick")))


@pytest.fixture
def timed(store: Store) -> Store:
    """Four networks, all in int8 too, timed by two runtimes and in int8."""
    for place, conv in enumerate(("S", "G(2)", "G(4)", "G(N)")):
        store.deploy(store.add(conv, "scratch", 0, 0.90 - 0.1 * place), 0.89 - 0.1 * place)
        store.measure(conv, 8.0 - place, runtime="onnxruntime")
        store.measure(conv, 80.0 - 10 * place)
        store.measure(conv, 4.0 - place / 2, runtime="onnxruntime", precision="int8")
    store.plan()
    return store


def test_every_condition_of_latency_has_its_budget(timed: Store) -> None:
    """Of eight rows four are as trained, which take 5 to 8 ms on A and 50 to 80 on B, and four in int8."""
    content = build(timed.root, "quick")
    trained, int8 = one(content, "Latency on A at most"), one(content, "Latency on C at most")
    assert "Latency on A at most 10 ms (4 rows) or Latency on B at most 100 ms (4 rows): the best is" in trained
    assert "WRN-16-2 S + scratch, 90.00 %" in trained
    assert "Latency on C at most 5 ms (4 rows): the best is WRN-16-2 S + scratch, int8 (ONNX Runtime), 89.00 %" in int8


def test_a_latency_that_most_rows_deployed_so_lack_has_no_budget(timed: Store) -> None:
    for conv in ("S", "G(2)", "G(4)"):
        timed.measure(conv, 4.0, runtime="onnxruntime", precision="int8", doubt="the machine was at 60 %")
    content = build(timed.root, "quick")
    assert not any("Latency on C at most" in text for text in sentences(content))
    assert any("Latency on A at most" in text for text in sentences(content))
