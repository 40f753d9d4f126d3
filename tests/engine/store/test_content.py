"""What a file holds identifies it, and a cell whose network is read from it; where it lies does not."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from cheapconv.catalog import register
from cheapconv.catalog.errors import UserError
from cheapconv.engine.plan.cells import plan
from cheapconv.engine.plan.resolve import resolve
from cheapconv.engine.read import registry
from cheapconv.engine.store.cell import Cell
from cheapconv.engine.store.content import content_hash
from tests.engine import fakes

ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # SHA-256 of b"abc", FIPS 180-2


@pytest.fixture(autouse=True)
def fake_catalog(monkeypatch: pytest.MonkeyPatch) -> None:
    fakes.install(monkeypatch)

    @register("architecture", "stored")
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Stored(fakes.Net):
        """A network that is read from a file."""

        width: int = 4
        weights: str | None = None

        def files(self) -> Mapping[str, Path]:
            return {"weights": Path(self.weights)} if self.weights else {}

    @register("method", "pair")
    class Pair(fakes.Alone):
        """Trains another network beside the cell's."""

        @dataclasses.dataclass(frozen=True, kw_only=True)
        class Config:
            """The other one."""

            partners: tuple[Any, ...] = ()


def cell(architecture: str, method: str = "alone", **settings: Any) -> Cell:
    texts = {"architecture": architecture, "conv": "plain", "method": method, "settings": settings}
    return resolve(suite=fakes.Toy(), recipe=fakes.RECIPE, seed=0, teacher=None, **texts)


def stored(path: Path) -> str:
    return f"stored(weights='{path}')"


def test_equal_content_is_equal_wherever_it_lies(tmp_path):
    (tmp_path / "a.pt").write_bytes(b"abc")
    (tmp_path / "b.pt").write_bytes(b"abc")
    assert content_hash(tmp_path / "a.pt") == content_hash(tmp_path / "b.pt") == ABC


def test_a_file_that_is_written_anew_is_read_anew(tmp_path):
    path = tmp_path / "a.pt"
    path.write_bytes(b"abc")
    assert content_hash(path) == ABC
    path.write_bytes(b"abcd")
    assert content_hash(path) != ABC


@pytest.mark.parametrize("name", ["nowhere.pt", "."])
def test_what_cannot_be_read_is_one_sentence(name, tmp_path):
    with pytest.raises(UserError, match=r"the file '.*' cannot be read \(.*\): give the path of one that can"):
        content_hash(tmp_path / name)


def test_the_same_content_under_another_path_is_the_same_cell(tmp_path):
    for name in ("a.pt", "b.pt"):
        (tmp_path / name).write_bytes(b"abc")
    first, second = cell(stored(tmp_path / "a.pt")), cell(stored(tmp_path / "b.pt"))
    assert first.key == second.key
    assert first.architecture != second.architecture  # each can be built
    assert first.weights == {f"weights='{tmp_path / 'a.pt'}'": ABC}
    assert TypeAdapter(Cell).validate_python(first.to_json()).key == first.key


def test_other_content_under_the_same_path_is_another_cell(tmp_path):
    path = tmp_path / "a.pt"
    path.write_bytes(b"abc")
    before = cell(stored(path))
    path.write_bytes(b"other")
    assert cell(stored(path)).key != before.key
    assert cell("stored").key != before.key


def test_a_network_that_a_setting_names_is_known_by_its_content_too(tmp_path):
    for name, content in (("a.pt", b"abc"), ("b.pt", b"abc"), ("c.pt", b"other")):
        (tmp_path / name).write_bytes(content)
    a, b, c = (cell("net(width=4)", "pair", partners=[{"architecture": stored(tmp_path / f"{n}.pt")}]) for n in "abc")
    assert a.key == b.key != c.key


def test_without_a_file_the_key_knows_of_none():
    one = cell("stored(weights=None)")
    assert one.weights == {}
    record = one.to_json()
    del record["weights"]  # as a release wrote it that did not know of files
    assert TypeAdapter(Cell).validate_python(record).key == one.key


def test_a_missing_file_is_a_mistake_of_the_plan_with_file_and_line(tmp_path):
    entry = f"      - {{architecture: \"stored(weights='{tmp_path}/no.pt')\", conv: plain, method: alone}}"
    path = fakes.write_registry(tmp_path, entry)
    sweep = registry.load(path).sweeps["sweep"]
    with pytest.raises(UserError, match=r"registry.yaml:6: .*the file '.*/no.pt' cannot be read"):
        plan(sweep, "sweep", lambda cell, teacher: None)
