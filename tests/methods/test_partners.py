"""Partners of other architectures: two spellings are one cell, and each is recorded, saved and loaded as what it is."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.engine.measure.sizes import structure_key
from cheapconv.engine.run import record
from cheapconv.engine.store import networks
from cheapconv.engine.store.records import Environment
from cheapconv.engine.store.runs import Store
from cheapconv.models.build import build_network
from cheapconv.suites.task import Classification
from tests.methods.world import SUITE, World, batch, data, train

PARTNERS = ["ResNet-8", {"architecture": "WRN-10-2", "conv": "G(4)"}, {"conv": "G(N)"}]
NAMES = ["student_0", "partner_0", "partner_1", "partner_2"]


def test_two_spellings_are_one_cell(world: World) -> None:
    canonical = {"architecture": "wrn(depth=16, width=2)", "conv": "group(group_width=8)"}
    written = world.cell("mcod", partners=[{"conv": "G(N/8)", "architecture": "WRN-16-2"}])
    assert written.key == world.cell("mcod", partners=[canonical]).key
    assert written.method_config["partners"] == [canonical]


def test_the_default_is_canonical_already(world: World) -> None:
    assert world.cell("mcod").method_config == {}
    assert world.cell("mcod", partners=["ResNet-20"]).method_config == {}


@pytest.mark.parametrize(
    ("partner", "sentence"),
    [
        ("WNR-16-2", "WNR-16-2"),
        ({"architecture": "WRN-16-2", "conv": "G(4"}, "is no conv"),
        ({"architectur": "WRN-16-2"}, "partners"),
        ({}, "a partner needs an architecture, a conv or both"),
    ],
)
def test_a_partner_that_is_none_is_refused(partner: object, sentence: str) -> None:
    catalog.load()
    with pytest.raises(UserError, match=sentence):
        catalog.build("method", "ind", {"partners": [partner]})


def test_what_a_partner_leaves_out_is_the_cell_s(world: World) -> None:
    method = world.method("ind", students=1, partners=["ResNet-8", {"conv": "standard"}], conv="G(4)")
    cell, resnet, standard = (
        build_network(*texts, 10) for texts in (("WRN-10-1", "G(4)"), ("ResNet-8", "G(4)"), ("WRN-10-1", "standard"))
    )
    for trained, expected in zip(method.networks(), (cell, resnet, standard), strict=False):
        assert [p.shape for p in trained.network.parameters()] == [p.shape for p in expected.parameters()]


def test_partners_are_recorded_and_come_back(world: World, tmp_path: Path) -> None:
    store, cell = Store(tmp_path), world.cell("ind", students=1, partners=PARTNERS)
    method = world.method("ind", students=1, partners=PARTNERS)
    folder = store.run(cell.key).folder
    recipe = catalog.parse("suite", SUITE).recipes["short"].override(epochs=1, batch=8)
    position = train(method, folder, recipe)
    store.run(cell.key).write_cell(record.described(cell))
    store.run(cell.key).begin(Environment())
    trained = SimpleNamespace(
        method=method, data=data(), recipe=recipe, task=Classification(10), position=position, mistakes={}
    )
    result = record.finish(store, cell, trained)

    rows = {row.name: row for row in result.networks}
    assert list(rows) == [*NAMES, "ensemble"]
    assert [rows[name].headline for name in NAMES] == [True, False, False, False]
    assert result.scores == rows["student_0"].scores
    texts = [(rows[name].architecture, rows[name].conv) for name in NAMES]
    assert texts == [
        ("wrn(depth=10, width=1)", "standard"),
        ("resnet(depth=8)", "standard"),
        ("wrn(depth=10, width=2)", "group(groups=4)"),
        ("wrn(depth=10, width=1)", "group(group_width=1)"),
    ]
    assert [rows[name].structure for name in NAMES] == [structure_key(*t, 10, (3, 8, 8)) for t in texts]

    for trained in method.eval().networks()[:4]:
        loaded = networks.load(store, cell.key, trained.name)
        assert torch.equal(loaded.network(batch().x), trained.network(batch().x))
