"""A network that was trained elsewhere: scored, never trained, and a teacher of its own images and classes."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from cheapconv.catalog.errors import UserError
from cheapconv.engine.store.networks import load
from cheapconv.engine.store.runs import Store
from cheapconv.engine.train.builder import Builder
from cheapconv.models.build import build_network
from cheapconv.reports.rows import collect
from cheapconv.suites.augmentation import Normalisation
from cheapconv.suites.memory import normalise
from tests.engine import tiny
from tests.engine.tiny import PLACE, RECIPE

OWN = Normalisation(mean=(0.1, 0.5, 0.9), std=(0.5, 0.3, 0.7))
KD = {"conv": "group(groups=4)", "method": {"kd": {"teacher": "teacher"}}}


@pytest.fixture(autouse=True)
def world(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny.install(monkeypatch)
    tiny.skip_measuring(monkeypatch)


def stored(folder: Path, classes: int = 10) -> tuple[nn.Module, str]:
    """A network that knows images of another normalisation, and the text that names it."""
    torch.manual_seed(0)
    source = build_network("WRN-10-1", "standard", classes).eval()
    path = folder / "net.pt"
    torch.save({"model": source.state_dict(), "mean": OWN.mean, "std": OWN.std}, path)
    return source, f"wrn(depth=10, width=1, weights={str(path)!r})"


def test_it_is_scored_once_and_costs_nothing_and_teaches(tmp_path: Path) -> None:
    source, text = stored(tmp_path)
    teacher = {"name": "teacher", "architecture": text, "method": "pretrained", "seeds": [0]}
    whole, store = tiny.planned(teacher, KD, epochs=2), Store(tmp_path / "runs")
    assert set(tiny.run(store, whole).values()) == {"done"}
    first, student = (planned.cell for planned in whole.cells)
    result, taught = store.run(first.key).result(), store.run(student.key).result()
    assert result is not None
    assert taught is not None
    x, y = normalise(tiny.data().test_x, OWN), tiny.data().test_y
    assert result.score == pytest.approx((source(x).argmax(1) == y).double().mean().item())
    assert (result.train_s, result.steps_s, result.method_s, result.epochs) == (0, 0, 0, 1)
    assert taught.train_s > 0 == taught.teacher_train_s
    # The teacher sees its own images, the student the recipe's.
    given = normalise(tiny.data().test_x, RECIPE.normalisation)
    frozen = Builder(student, 10, PLACE, store).teacher()
    torch.testing.assert_close(frozen(given), source(x), rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(load(store, first.key).network(given), source(x), rtol=1e-3, atol=1e-4)
    marked(store, whole.sweep)


def marked(store: Store, sweep: str) -> None:
    """A report says that the teacher was not trained here, at its row and at its student's, and no seconds of it."""
    cells = collect.frame(collect.read_sweep(store.root, sweep))
    assert cells["trained_here"].tolist() == [False, True]
    assert cells["teacher_trained_here"].tolist() == [True, False]
    assert cells["train_s"].notna().tolist() == [False, True]
    assert cells["teacher_train_s"].notna().tolist() == [True, False]


def test_it_is_the_same_cell_however_long_the_recipe(tmp_path: Path) -> None:
    _, text = stored(tmp_path)
    entry = {"architecture": text, "method": "pretrained"}
    assert len({tiny.planned(entry, epochs=n).cells[0].cell.key for n in (1, 7)}) == 1


def test_what_weights_leave_fresh_is_refused_by_the_plan(tmp_path: Path) -> None:
    _, text = stored(tmp_path, classes=12)
    with pytest.raises(UserError, match=r"its weights do not fill 'classifier': .*outputs=\(\.\.\.\)"):
        tiny.planned({"architecture": text, "method": "pretrained"})
    with pytest.raises(UserError, match="it has no weights, and is not trained here"):
        tiny.planned("pretrained")
    with pytest.raises(UserError, match="the weights are of another network"):
        tiny.planned({"architecture": text, "conv": "group(groups=4)", "method": "pretrained"})
    picked = text.replace(")", f", outputs={tuple(range(2, 12))})")
    assert tiny.planned({"architecture": picked, "method": "pretrained"}).cells


def test_a_teacher_of_another_recipe_sees_images_of_its_own(tmp_path: Path) -> None:
    whole = tiny.planned({"name": "teacher", "normalisation": "c10-c", "seeds": [0]}, KD, epochs=1)
    teacher, student = (planned.cell for planned in whole.cells)
    alike = tiny.planned({"name": "teacher", "seeds": [0]}, KD, epochs=1).cells[1].cell
    assert (student.protocol, replace(student, teacher=None).key) != (alike.protocol, replace(alike, teacher=None).key)
    assert student.protocol == alike.protocol + 2
    store = Store(tmp_path)
    tiny.run(store, whole)
    trained, images = load(store, teacher.key), tiny.data().test_x
    own = normalise(images, Normalisation(mean=trained.mean, std=trained.std))
    frozen = Builder(student, 10, PLACE, store).teacher()
    given = normalise(images, RECIPE.normalisation)
    torch.testing.assert_close(frozen(given), trained.network(own), rtol=1e-3, atol=1e-4)
    assert not torch.allclose(frozen(given), trained.network(given), rtol=1e-2, atol=1e-2)
