"""docs/networks.md is what the code says, except for what was measured."""

from types import SimpleNamespace

import torch

from cheapconv import catalog
from cheapconv.docs import conv_costs
from cheapconv.docs import networks as network_docs
from cheapconv.engine.measure import clock as timing


def test_the_page_is_in_step_with_the_code():
    page = network_docs.PATH.read_text(encoding="utf-8")
    machine, timings = network_docs.measured(page)
    assert page == network_docs.render(conv_costs.conv_page(), machine, timings), "run make docs"


def test_every_conv_of_the_table_has_been_measured():
    catalog.load()
    table = conv_costs.conv_page()
    assert {catalog.parse("conv", text).registered_name for text in table.convs} <= set(catalog.names("conv"))
    machine, timings = network_docs.measured(network_docs.PATH.read_text(encoding="utf-8"))
    assert machine.startswith("Timings: ")
    assert set(timings) == set(table.convs)
    assert all(float(latency) > 0 and float(throughput) > 0 for latency, throughput in timings.values())


SMALL = conv_costs.ConvPage("WRN-10-1", 10, 8, ("S", "G(4)", "shift(e=1)"))


def test_measured_ratios_survive_a_new_page(tmp_path):
    path = tmp_path / "networks.md"
    network_docs.write(SMALL, path, measure=lambda table: ("Timings: a clock.", {"G(4)": ("0.50", "1.75")}))
    first = path.read_text()
    assert "| `G(4)` | 28,218 | 0.362 |" in first
    assert "| 0.50 | 1.75 |" in first
    network_docs.write(SMALL, path, keep_timings=True)
    assert path.read_text() == first


def test_timings_are_ratios_to_the_standard_conv(monkeypatch):
    clock = iter([4.0, 4.0, 2.0, 1.0])
    monkeypatch.setattr(timing, "latency", lambda *a: SimpleNamespace(median_ms=next(clock)))
    monkeypatch.setattr(timing, "throughput", lambda *a: SimpleNamespace(images_per_s=10.0))
    rows, drift = conv_costs.timings(SMALL, torch.device("cpu"))
    assert [row["latency_ratio"] for row in rows] == [1.0, 0.5, 0.25]
    assert {row["throughput_ratio"] for row in rows} == {1.0}
    assert drift == 1.0


def test_the_drift_is_that_of_the_standard_conv(monkeypatch):
    clock = iter([4.0, 4.0, 5.0, 1.0])
    monkeypatch.setattr(conv_costs, "AT_A_TIME", 1)
    monkeypatch.setattr(timing, "latency", lambda *a: SimpleNamespace(median_ms=next(clock)))
    monkeypatch.setattr(timing, "throughput", lambda *a: SimpleNamespace(images_per_s=10.0))
    table = conv_costs.ConvPage("WRN-10-1", 10, 8, ("S", "G(4)"))
    rows, drift = conv_costs.timings(table, torch.device("cpu"))
    assert [row["latency_ratio"] for row in rows] == [1.0, 0.2]
    assert drift == 1.25
