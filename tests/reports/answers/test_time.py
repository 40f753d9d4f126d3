"""What a report says of multiply-adds and time where no network saves any."""

import pytest

from cheapconv.reports.answers.content import build
from tests.reports.store import MACS, Store


def test_nothing_is_said_of_networks_of_fewer_macs(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for conv, times in (("S", 1), ("D(2)", 2), ("D(4)", 3)):
        monkeypatch.setitem(MACS, conv, times * 100_000_000)
        store.seeds(conv, "scratch", [0.90, 0.91])
        store.measure(conv, 20.0 * times)
    [text] = [finding.text for finding in build(store.plan(), "quick").findings if "Spearman's rho" in finding.text]
    assert text == "Latency: Spearman's rho over 3 networks: 1.00."
