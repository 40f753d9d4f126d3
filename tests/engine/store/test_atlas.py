"""The tables of an atlas: what is written comes back, new rows take the place of old ones, and damage is said."""

import pytest

from cheapconv.catalog.errors import UserError
from cheapconv.engine.store import atlas
from cheapconv.engine.store.atlas import Atlas, Share, spot_of
from tests.engine.atlases import latency

ROWS = (
    latency("S", 4.0, is_standard=True),
    latency("G(4)", 1.5, doubt='a slow moment, "very"'),
    latency("ACDC_12", None, refused="no such operator"),
)
SHARES = (Share(**vars(spot_of(ROWS[0])), kind="conv 3x3", ms=3.5, count=7),)


def test_what_is_written_comes_back(tmp_path):
    assert atlas.read(tmp_path) == Atlas()
    atlas.write(tmp_path / "new", Atlas(ROWS, SHARES))
    assert atlas.read(tmp_path / "new") == Atlas(ROWS, SHARES)


def test_rows_of_the_same_spot_are_replaced_with_their_operators():
    new = latency("S", 2.0, is_standard=True)
    found = Atlas(ROWS, SHARES).including([new], [])
    assert found == Atlas((*ROWS[1:], new), ())
    other = latency("S", 2.0, precision="int8")
    assert len(Atlas(ROWS, SHARES).including([other], []).latencies) == 4


@pytest.mark.parametrize("text", ["", "architecture,side\nWRN,many\n", "\0\n1,2\n", "a,b\n1,2,3\n"])
def test_another_table_is_a_sentence(text, tmp_path):
    (tmp_path / atlas.LATENCY).write_text(text)
    if not text:
        assert atlas.read(tmp_path) == Atlas()
        return
    with pytest.raises(UserError, match=r"latency\.csv is no table of an atlas"):
        atlas.read(tmp_path)
