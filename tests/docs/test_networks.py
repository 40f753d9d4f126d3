"""docs/networks.md is what the code and the atlas say."""

import pytest

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.docs import conv_costs
from cheapconv.docs import networks as network_docs
from cheapconv.engine.measure import turn
from cheapconv.engine.run import conv_timings
from cheapconv.engine.run.conv_timings import Setting
from tests.engine.atlases import latency
from tests.engine.timed import Watch

SMALL = conv_costs.ConvPage("WRN-10-1", 10, 8, ("S", "G(4)", "shift(e=1)"))


def test_the_page_is_in_step_with_the_code_and_the_atlas():
    page, table = network_docs.PATH.read_text(encoding="utf-8"), conv_costs.conv_page()
    assert page == network_docs.render(table, network_docs.measured(table)), "run make docs"


def test_every_conv_of_the_table_has_been_measured():
    table = conv_costs.conv_page()
    timings = network_docs.measured(table)
    labels = {catalog.label("conv", catalog.parse("conv", text)) for text in table.convs}
    for way in network_docs.WAYS:
        assert {*timings[way]} == labels, way


def test_ratios_are_to_the_standard_conv_of_the_same_way():
    whole, small = ("onnxruntime", "fp32"), ("onnxruntime", "int8")
    timings = {way: {} for way in network_docs.WAYS} | {
        whole: {"S": latency("S", 4.0, is_standard=True), "G(4)": latency("G(4)", 2.0, doubt="a slow moment")},
        small: {"S": latency("S", 1.0, is_standard=True), "G(4)": latency("G(4)", 3.0)},
    }
    page = network_docs.render(SMALL, timings)
    assert "| `G(4)` | 28,218 | 0.362 |" in page
    assert "| 0.50? | 3.00 |  |" in page
    assert "Timings: a CPU, ONNX Runtime 1.0, 2026-01-01; those marked ? are in doubt." in page


@pytest.fixture
def quiet(monkeypatch, tmp_path):
    """A machine that nobody else uses or times."""
    monkeypatch.setattr(turn.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(conv_costs.busy, "sentence", lambda: "")
    monkeypatch.setattr(conv_costs, "conv_page", lambda: SMALL)


def test_theory_stands_beside_what_is_timed_in_a_chosen_network(quiet, monkeypatch):
    told: list[str] = []
    timed = conv_timings.in_turn
    monkeypatch.setattr(conv_costs, "in_turn", lambda *a: timed(*a, watch=Watch(one_s=0.002)))
    rows = conv_costs.timed(Setting("WRN-10-1", 7, 8), None, told.append)
    assert [(row["conv"], row["latency_ms"], row["latency_ratio"]) for row in rows] == [
        ("S", 2.0, 1.0),
        ("G(4)", 2.0, 1.0),
        ("shift(e=1)", 2.0, 1.0),
    ]
    assert rows[1]["params_ratio"] == pytest.approx(28023 / 77655)
    assert told[0] == "1 of 3: WRN-10-1 S in ONNX Runtime fp32"
    assert told[3] == "pass 1 of 5 over 3 networks"


def test_a_conv_without_a_latency_has_no_ratio():
    assert conv_costs._ratio(None, 2.0) is None
    assert conv_costs._ratio(1.0, None) is None
    assert conv_costs._ratio(1.0, 2.0) == 0.5


def test_a_network_that_is_none_says_so(quiet):
    with pytest.raises(UserError, match="'WRN-10-x' is no architecture"):
        conv_costs.timed(Setting("WRN-10-x", 10, 8), None)
