"""Every committed report and page says what the committed result files say: each sweep is read once for all of them."""

from types import ModuleType

import pytest

from cheapconv.docs import readme, reproduction
from cheapconv.docs.blocks import BLOCK, filled
from cheapconv.reports.formats import tables


@pytest.mark.parametrize("sweep", reproduction.sweeps())
def test_a_report_follows_from_its_results(sweep: str) -> None:
    assert tables.markdown(readme.committed(sweep)) == (readme.REPORTS / sweep / "table.md").read_text()


def test_a_table_of_numbers_has_its_bytes() -> None:
    sweep = "cifar10-short"
    assert tables.csv(readme.committed(sweep)) == (readme.REPORTS / sweep / "table.csv").read_text()


@pytest.mark.parametrize("maker", [readme, reproduction])
def test_a_page_follows_from_them(maker: ModuleType) -> None:
    path = {readme: readme.ROOT / "README.md", reproduction: reproduction.PAGE}[maker]
    text, makers = path.read_text(encoding="utf-8"), maker.makers()
    assert {found["name"] for found in BLOCK.finditer(text)} == {*makers}
    assert filled(text, makers) == text, "make docs"
