"""Golden rows whose conv carries a remark in the table, and sizes that the authors' log prints."""

import pytest

from cheapconv import catalog
from cheapconv.models.size import count_macs, count_params
from tests.models.test_golden import ROWS, TABLE, WRITTEN_DIFFERENTLY, build

REMARKED = {
    "ACDC_12 (11 effective layers)": "ACDC_12",
    "ACDC_15 (14 effective layers)": "ACDC_15",
    "SepHashedDecimate (budget 10% of full conv)": "SepHashedDecimate",
    "HashedSeparable (10% of separable)": "HashedSeparable",
}


@pytest.mark.parametrize("printed", REMARKED)
def test_remarked_row(printed):
    (row,) = [row for row in TABLE if (row["architecture"], row["conv"]) == ("WRN-28-10", printed)]
    network = build("WRN-28-10", REMARKED[printed], 10)
    assert catalog.label("conv", catalog.parse("conv", REMARKED[printed])) == REMARKED[printed]
    assert count_params(network) == int(row["params_trainable"])
    assert count_macs(network, (3, 32, 32)) == int(row["macs"] or 627386624)  # dense depthwise + 1x1 are executed


def test_no_row_of_the_separable_layers_is_left_out():
    remarked = {row["conv"] for row in TABLE if WRITTEN_DIFFERENTLY.fullmatch(row["conv"])}
    assert remarked - {"SepHashedDecimate (all)"} == set(REMARKED)  # "(all)" is of DARTS
    assert sum(row["architecture"] == "WRN-28-10" and row["conv"][0] in "SGLHT" for row in ROWS) >= 27
    assert sum(row["conv"].startswith("mixed") for row in ROWS) == 9
