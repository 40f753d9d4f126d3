"""Budgets: settings of real networks, in the command line and in the registry."""

import json
import math
import subprocess
import sys
from collections.abc import Iterable, Mapping

import pytest

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.engine.measure.passes import Work
from cheapconv.engine.plan.budget import Limit, meet
from cheapconv.engine.read import registry
from cheapconv.engine.run import fitting
from cheapconv.engine.run.planning import plan
from cheapconv.engine.store.cell import Cell
from tests.engine import fakes
from tests.engine.timed import Watch

catalog.load()
SHAPE = (3, 32, 32)


def chosen(architecture: str, conv: str, quantity, limit: float) -> tuple[str, str, float]:
    found = meet(architecture, conv, Limit(quantity, limit), 10, SHAPE).chosen
    return found.architecture, found.conv, found.cost


def test_groups_for_a_budget_of_params():
    assert chosen("WRN-40-2", "G(?)", "params", 900_000) == ("wrn(depth=40, width=2)", "group(groups=4)", 814_650)
    assert chosen("WRN-40-2", "G(?)", "params", 814_650)[1:] == ("group(groups=4)", 814_650)
    assert chosen("WRN-40-2", "G(?)", "params", 814_649)[1:] == ("group(groups=8)", 542_490)


def test_width_for_a_budget_of_macs():
    assert chosen("WRN-16-1", "S", "macs", 120e6) == ("wrn(depth=16, width=2)", "standard", 101_106_944)


def test_a_share_for_a_budget_is_exact_to_its_step():
    found = meet("WRN-10-1", "Generic_?", Limit("params", 9_000), 10, SHAPE)
    below, above = sorted(found.neighbours, key=lambda setting: setting.cost)
    assert below.cost < found.chosen.cost <= 9_000 < above.cost


def test_a_budget_that_cannot_be_met_names_the_smallest():
    with pytest.raises(
        UserError, match=r"^300,000 params cannot be met by 'WRN-40-2' with 'G\(\?\)': the smallest is .*"
    ):
        chosen("WRN-40-2", "G(?)", "params", 300_000)
    with pytest.raises(UserError, match=r"with group\(groups=16\), 406,410 params; G\(N/\?\) may go further\.$"):
        chosen("WRN-40-2", "G(?)", "params", 300_000)


def test_no_number_that_fits_is_told_with_the_reason():
    with pytest.raises(UserError, match=r"no number fits 'WRN-10-1' and 'BG\(\?,M/7\)': .* divisible by 7, got"):
        chosen("WRN-10-1", "BG(?,M/7)", "params", 300_000)


class ByGroups(Watch):
    """A watch by which 16, 8, 4, 2 and 1 groups take 5, 4, 3, 2 and 1 ms, or what is said, give or take a tenth."""

    def __init__(self, shares: Iterable[float] = (), said: Mapping[int, float] | None = None) -> None:
        super().__init__(shares)
        self.said = said or {}

    def slice(self, work: Work) -> tuple[list[float], list[float]]:
        groups = max(getattr(module, "groups", 1) for module in work.one.modules())
        ms = self.said.get(groups, 1 + math.log2(groups))
        return [one / 1000 / self._share for one in (ms - 0.2, ms - 0.1, ms, ms + 0.1, ms + 0.2)], []


@pytest.fixture
def untranslated(monkeypatch) -> None:
    monkeypatch.setattr(fitting, "ready", lambda network, *_: network)


def test_latency_is_measured_with_its_spread(untranslated):
    rows = fitting.fitted("WRN-10-1", "G(?)", None, None, 3.5, 10, 32, "cpu", watch=ByGroups())
    assert [(row["conv"], row["chosen"]) for row in rows] == [
        ("group(groups=2)", False),
        ("group(groups=4)", True),
        ("group(groups=8)", False),
    ]
    assert rows[1]["quartiles"] == pytest.approx((2.9, 3.1))
    assert rows[1]["doubt"] == ""


def test_a_latency_is_met_behind_a_rise(untranslated):
    watch = ByGroups(said={1: 9, 2: 8, 4: 6, 8: 7, 16: 2})
    rows = fitting.fitted("WRN-10-1", "G(?)", None, None, 2.5, 10, 32, "cpu", watch=watch)
    assert [row["conv"] for row in rows if row["chosen"]] == ["group(groups=16)"]


def test_a_latency_that_cannot_be_met_names_the_fastest_that_was_timed(untranslated):
    watch = ByGroups(said={1: 9, 2: 8, 4: 6, 8: 7, 16: 2})
    with pytest.raises(
        UserError,
        match=r": the fastest of those timed is .* with group\(groups=16\), 2 ms; G\(N/\?\) may go further\.$",
    ):
        fitting.fitted("WRN-10-1", "G(?)", None, None, 1.5, 10, 32, "cpu", watch=watch)


FRESH = """
from cheapconv.engine.run.fitting import fitted
print([row["conv"] for row in fitted("WRN-10-1", "bottleneck", None, "1M", None, 10, 8, "cpu") if row["chosen"]])
"""


def test_a_number_that_is_not_marked_is_found_by_who_has_loaded_nothing():
    done = subprocess.run([sys.executable, "-c", FRESH], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("['bottleneck(b=")
    assert "it is that of WRN-10-1 bottleneck(b=?)" in done.stderr


def test_a_candidate_on_a_slow_machine_is_in_doubt(untranslated):
    """At first the machine has all of its speed, then a half; what is fitted then is not taken at its word."""
    slow = ByGroups([*[1.0] * 20, *[0.5] * 1000])
    rows = fitting.fitted("WRN-10-1", "G(?)", None, None, 7.0, 10, 32, "cpu", watch=slow)
    assert "50 % of the best speed" in next(row["doubt"] for row in rows if row["chosen"])


@pytest.mark.parametrize("limits", [(None, None, None), ("1k", "1k", None), ("1k", None, 2.0)])
def test_exactly_one_budget(limits):
    with pytest.raises(UserError, match="give exactly one budget"):
        fitting.fitted("WRN-10-1", "G(?)", *limits, 10, 32, "cpu")


def test_the_table_marks_the_chosen_setting(capsys):
    rows = fitting.fitted("WRN-40-2", "G(?)", "900k", None, None, 10, 32, "cpu")
    fitting.present(rows, as_json=True)
    printed = json.loads(capsys.readouterr().out)["settings"]
    assert [(row["params"], row["chosen"]) for row in printed] == [
        (542_490, False),
        (814_650, True),
        (1_358_970, False),
    ]
    fitting.present(rows, as_json=False)
    assert next(line for line in capsys.readouterr().out.splitlines() if "<-" in line).split()[-2] == "814650"


HEAD = "suite: digits\n    recipe: short"


def cells(folder, entry: str) -> list[Cell]:
    sweep = registry.load(fakes.write_registry(folder, f"      - {entry}", head=HEAD)).sweep("sweep")
    return [planned.cell for planned in plan(sweep, "sweep").cells]


def test_a_sweep_compares_at_equal_cost(tmp_path):
    entry = (
        '{architecture: "wrn(depth=10, width=2)", conv: ["G(?)", "B(?)", S], method: scratch, budget: {params: 100k}}'
    )
    found = [(cell.architecture, cell.conv) for cell in cells(tmp_path, entry)]
    assert found == [
        ("wrn(depth=10, width=2)", "group(groups=8)"),
        ("wrn(depth=10, width=2)", "bottleneck(b=2)"),
        ("wrn(depth=10, width=1)", "standard"),
    ]


def test_a_cell_with_a_budget_is_the_cell_with_the_number(tmp_path):
    fitted = cells(tmp_path, '{architecture: WRN-10-2, conv: "G(?)", method: scratch, budget: {params: 100k}}')
    plain = cells(tmp_path, '{architecture: WRN-10-2, conv: "G(8)", method: scratch}')
    assert [cell.key for cell in fitted] == [cell.key for cell in plain]


def test_macs_are_those_of_the_images_of_the_suite(tmp_path):
    entry = '{architecture: WRN-10-2, conv: "G(?)", method: scratch, budget: {macs: 1M}}'
    (cell,) = cells(tmp_path, entry)
    assert cell.conv == meet("WRN-10-2", "G(?)", Limit("macs", 1_000_000), 10, (3, 8, 8)).chosen.conv


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ('{architecture: WRN-10-2, conv: ["S", "G(?)"], method: scratch}', r":6: a number that is \? needs a budget"),
        (
            "{architecture: WRN-10-2, conv: S, method: scratch, budget: {}}",
            ":6: budget should be one of params and macs",
        ),
        ("{architecture: WRN-10-2, conv: S, method: scratch, budget: {macs: 3m}}", ":6: '3m' is no count"),
        (
            "{architecture: WRN-10-2, conv: S, method: scratch, budget: {mcas: 3M}}",
            "unknown key 'mcas'; did you mean macs",
        ),
        (
            '{architecture: WRN-10-2, conv: "G(?)", method: scratch, budget: {params: 1k}}',
            r":6: 1,000 params cannot be met .* params; G\(N/\?\) may go further",
        ),
        ('{architecture: WRN-10-2, conv: "GG(?)", method: scratch, budget: {params: 1M}}', ":6: no number fits .*GG"),
    ],
)
def test_mistakes_name_file_and_line(tmp_path, entry, message):
    with pytest.raises(UserError, match=message):
        cells(tmp_path, entry)
