"""Which measurements a report shows."""

from cheapconv.reports.measurements import read_measurements
from tests.reports.store import Store

STRUCTURES = {"WRN-16-2-S", "WRN-16-2-G(4)"}


def test_device_that_measured_most_structures_wins(small: Store) -> None:
    small.measure("S", 1.0, device="Fast GPU", date="2026-09-09")
    found = read_measurements(small.root, STRUCTURES)
    assert sorted(found["latency_ms"]) == [10.0, 20.0]


def test_among_equals_the_latest_device_wins(small: Store) -> None:
    for conv in ("S", "G(4)"):
        small.measure(conv, 2.0, device="Fast GPU", date="2026-09-09")
    found = read_measurements(small.root, STRUCTURES)
    assert set(found["measured_on"].str.split(";").str[0]) == {"Fast GPU (cpu)"}


def test_two_settings_never_share_a_column(small: Store) -> None:
    """Throughput on eight threads is another number than that on one."""
    small.measure("G(4)", 5.0, date="2026-09-09", threads=8)
    found = read_measurements(small.root, STRUCTURES)
    assert found["measured_on"].nunique() == 1
    assert sorted(found["latency_ms"]) == [10.0, 20.0]


def test_other_structures_are_left_out(small: Store) -> None:
    assert list(read_measurements(small.root, {"WRN-16-2-S"})["latency_ms"]) == [20.0]


def test_no_measurements_are_an_empty_table(store: Store) -> None:
    assert read_measurements(store.root, STRUCTURES).empty
