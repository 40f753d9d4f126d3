"""The page of an atlas: ratios, rank correlations and flips that were counted by hand."""

from pathlib import Path

import pytest

from cheapconv.catalog.errors import UserError
from cheapconv.engine.store import atlas
from cheapconv.engine.store.atlas import Atlas, Share, spot_of
from cheapconv.reports.atlases import figure, page
from cheapconv.reports.atlases.numbers import Flip, agreements, dearest, frame, rank_correlations
from tests.engine.atlases import latency

FAST = {"runtime": "eager", "runtime_label": "PyTorch"}
ROWS = (
    latency("S", 4.0, is_standard=True, macs=1000),
    latency("G(4)", 2.0, macs=400),
    latency("G(N)", 3.0, macs=100),  # slower than G(4), which has four times as many
    latency("od-dw", 1.0, macs=90),  # a tenth less than G(N): no promise
    latency("ACDC_12", None, macs=0, refused="no such operator"),
    latency("S", 10.0, is_standard=True, macs=1000, **FAST),
    latency("G(4)", 12.0, macs=400, doubt="a slow moment", **FAST),
    latency("G(N)", 8.0, macs=100, **FAST),
    latency("od-dw", 9.0, macs=90, **FAST),
)
SHARES = tuple(
    Share(**vars(spot_of(ROWS[1])), kind=kind, ms=ms, count=count)
    for kind, ms, count in (("conv 1x1", 0.5, 8), ("conv 3x3 groups=4", 1.5, 12))
)
MADE = Atlas(ROWS, SHARES)


def test_ratios_are_to_the_standard_conv_of_the_same_way():
    rows = frame(MADE)
    assert len(rows) == 8
    assert rows["latency_ratio"].tolist() == [1.0, 0.5, 0.75, 0.25, 1.0, 1.2, 0.8, 0.9]
    assert rows["macs_ratio"].tolist() == [1.0, 0.4, 0.1, 0.09] * 2


def test_agreement_is_counted_by_hand():
    """Pairs with 20 % less: three with S and two with G(4). Spearman's rho of ranks 4321 and 4231 is 1 - 6 * 2 / 60."""
    first, second = agreements(frame(MADE))
    assert (first.way, first.convs, first.pairs) == ("ONNX Runtime fp32", 4, 5)
    assert first.rho == pytest.approx(0.8)
    assert first.flips == (Flip("G(N)", "G(4)", 4.0, 1.5),)
    assert first.dearer == ()
    assert [(flip.few, flip.many) for flip in second.flips] == [("G(4)", "S")]
    assert second.dearer == ("G(4)",)
    assert second.rho == pytest.approx(1 - 6 * (1 + 1 + 1 + 1) / 60)


def test_quartiles_that_overlap_are_no_flip():
    apart, wide = latency("S", 4.0, is_standard=True), latency("S", 4.0, is_standard=True, q75_ms=4.2)
    slower = latency("G(4)", 4.1, macs=400)
    assert len(agreements(frame(Atlas((apart, slower))))[0].flips) == 1
    assert agreements(frame(Atlas((wide, slower))))[0].flips == ()


def test_what_costs_most_has_its_share():
    [row] = dearest(MADE).to_dict("records")
    assert (row["conv"], row["kind"], row["share"], row["count"]) == ("G(4)", "conv 3x3 groups=4", 0.75, 12)
    assert dearest(Atlas(ROWS)).empty


def test_runtimes_are_compared_by_rank():
    table = rank_correlations(frame(MADE), "WRN-40-2 at 32")
    assert table.loc["ONNX Runtime fp32", "PyTorch fp32"] == pytest.approx(1 - 6 * (1 + 4 + 4 + 1) / 60)


def test_the_page_says_it_and_is_the_same_each_time(tmp_path):
    atlas.write(tmp_path, MADE)
    paths = page.render(tmp_path)
    first = {path.name: path.read_bytes() for path in paths}
    assert first == {path.name: path.read_bytes() for path in page.render(tmp_path)}
    text = first["README.md"].decode()
    assert "| `G(4)` | 1.000 | 0.400 | 0.50 | 1.20? | conv 3x3 groups=4 (75% in 12) |" in text
    assert "| `S` | 1.000 | 1.000 | 1.00 (4.00 ms) | 1.00 (10.0 ms) | - |" in text
    assert (
        "In ONNX Runtime fp32 `G(N)` needs 4.0 times fewer multiply-adds than `G(4)` and takes 1.5 times as long."
        in text
    )
    assert "- WRN-40-2 at 32 with `ACDC_12` in ONNX Runtime fp32: no such operator." in text
    assert "In doubt, marked ?: 1 of 8 timings" in text
    assert b"<svg" in first["wrn-40-2-at-32.svg"]
    assert "PyTorch fp32" in figure.svg(frame(MADE), "WRN-40-2 at 32")


def test_the_committed_page_is_that_of_the_committed_tables():
    folder = Path(page.__file__).parents[1] / "atlas"
    made = atlas.read(folder)
    rows = frame(made)
    text = "\n".join(page.page(made, rows, list(dict.fromkeys(rows["network"]))))
    assert (folder / page.PAGE).read_text() == text, "run cheapconv atlas --render"


def test_a_folder_without_tables_is_a_sentence(tmp_path):
    with pytest.raises(UserError, match="holds no timings: run `cheapconv atlas`"):
        page.render(tmp_path)
