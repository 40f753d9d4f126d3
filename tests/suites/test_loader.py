"""The loader: the same batches whoever makes them, broken images replaced or left out, no process left behind."""

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from cheapconv.catalog.errors import UserError
from cheapconv.suites import loader as loaders
from cheapconv.suites.augmentation import Augmentation, Growth, Mix, Strong
from cheapconv.suites.base import Batch
from cheapconv.suites.loader import Loader
from cheapconv.suites.memory import normalise
from cheapconv.suites.photos import Photos
from cheapconv.suites.place import Place
from cheapconv.suites.recipe import Recipe
from cheapconv.suites.skipped import Skipped, TooManyBrokenError
from tests.engine.tiny import RECIPE as TINY
from tests.suites.pictures import encoded, folder, picture

CPU = torch.device("cpu")
PLACE = Place(CPU)
TRAIN, TEST, SIDE = 22, 7, 16
ROOT = Path(__file__).parents[2]
RECIPE = replace(TINY, batch=4, augmentation=Augmentation(pad=0, flip=True, area=(0.2, 1.0), cutout=3))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return folder(tmp_path, {"train": TRAIN, "test": TEST})


def photos(root: Path, split: str, count: int) -> Photos:
    return Photos.of_files(root, [f"{split}/{i:03d}.jpg" for i in range(count)], [i % 3 for i in range(count)])


def load(root: Path, place: Place = PLACE, workers: int = 0) -> Loader:
    train, test = photos(root, "train", TRAIN), photos(root, "test", TEST)
    return Loader(train, test, ("a", "b", "c"), SIDE, place, Skipped(TRAIN + TEST), workers)


def epoch(data: Loader, recipe: Recipe = RECIPE, number: int = 1, start: int = 0, views: int = 1) -> list[Batch]:
    return list(data.train(recipe, 3, number, start, views))


def same(a: list[Batch], b: list[Batch]) -> bool:
    pairs = list(zip(a, b, strict=True))
    return all(torch.equal(p.index, q.index) and torch.equal(p.x, q.x) and torch.equal(p.y, q.y) for p, q in pairs)


def test_every_image_comes_once_with_its_label(root: Path) -> None:
    found = epoch(load(root))
    index = torch.cat([b.index for b in found])
    assert sorted(index.tolist()) == list(range(TRAIN))
    assert index.tolist() != sorted(index.tolist())
    assert torch.equal(torch.cat([b.y for b in found]), load(root).labels[index])
    assert [tuple(b.x.shape) for b in found] == [(4, 3, SIDE, SIDE)] * 5 + [(2, 3, SIDE, SIDE)]
    assert found[0].x.is_contiguous(memory_format=torch.channels_last)


def test_workers_do_not_change_a_bit(root: Path) -> None:
    assert same(epoch(load(root)), epoch(load(root, workers=2)))


@pytest.mark.parametrize("start", [1, 5, 6])
def test_an_epoch_that_two_workers_began_is_ended_by_none(root: Path, start: int) -> None:
    assert same(epoch(load(root), start=start), epoch(load(root, workers=2))[start:])


@pytest.mark.parametrize("start", [0, 3])
def test_strong_views_and_mixing_are_the_same_whoever_makes_them(root: Path, start: int) -> None:
    views = replace(RECIPE.augmentation, views=("weak", "strong"), strong=Strong())
    strong = replace(RECIPE, augmentation=views, mix=Mix(kind="mixup", alpha=1.0))
    whole, resumed = epoch(load(root), strong, views=2), epoch(load(root, workers=2), strong, start=start, views=2)
    assert same(whole[start:], resumed)
    assert all(torch.equal(a.views[1], b.views[1]) for a, b in zip(whole[start:], resumed, strict=True))
    assert whole[0].y.shape == (4, 3)
    plain, one = epoch(load(root), views=2), epoch(load(root), replace(strong, mix=None), views=2)
    assert torch.equal(plain[0].x, one[0].x)  # the weak view is what it is without a strong one
    assert not torch.equal(plain[0].views[1], one[0].views[1])


def test_two_places_share_the_batches_of_one(root: Path) -> None:
    whole = epoch(load(root))
    shares = [epoch(load(root, Place(CPU, rank=rank, world=2))) for rank in range(2)]
    for batch, *parts in zip(whole, *shares, strict=True):
        for rank, part in enumerate(parts):
            assert torch.equal(batch.index[rank::2], part.index)
            assert torch.equal(batch.x[rank::2], part.x)
            assert part.whole == len(batch.y)


def test_two_places_share_what_is_mixed_and_the_images_of_a_split(root: Path) -> None:
    mixed = replace(RECIPE, mix=Mix(kind="mixup", alpha=1.0))
    places = [Place(CPU, rank=rank, world=2) for rank in range(2)]
    shares = [epoch(load(root, place), mixed) for place in places]
    for batch, *parts in zip(epoch(load(root), mixed), *shares, strict=True):
        for rank, part in enumerate(parts):
            assert torch.equal(batch.x[rank::2], part.x)
            assert torch.equal(batch.y[rank::2], part.y)
            assert part.whole == len(batch.y)
    found = [y for place in places for _, y in load(root, place).split("test", RECIPE)]
    every = [y for _, y in load(root).split("test", RECIPE)]
    assert torch.equal(torch.cat(found).sort().values, torch.cat(every).sort().values)


def test_nothing_of_the_process_is_drawn(root: Path) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    epoch(load(root, workers=1))
    assert torch.equal(torch.rand(3), expected)


def test_another_epoch_crops_the_same_image_anew(root: Path) -> None:
    def by_index(number: int) -> Tensor:
        found = epoch(load(root), number=number)
        return torch.cat([b.x for b in found])[torch.cat([b.index for b in found]).argsort()]

    first, second = by_index(1), by_index(2)
    assert all(not torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_the_first_view_is_the_same_however_many_there_are(root: Path) -> None:
    one, three = epoch(load(root))[0], epoch(load(root), views=3)[0]
    assert torch.equal(one.x, three.x)
    assert len(three.views) == 3
    assert not torch.equal(three.views[0], three.views[1])


def test_the_test_set_is_whole_and_in_order(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loaders, "EVAL_BATCH", 3)
    found = list(load(root, workers=1).split("test", RECIPE))
    assert [len(y) for _, y in found] == [3, 3, 1]
    assert torch.cat([y for _, y in found]).tolist() == photos(root, "test", TEST).labels.tolist()
    assert list(load(root).split("validation", RECIPE)) == []


def test_crops_grow(root: Path) -> None:
    growing = replace(RECIPE, epochs=4, growth=Growth(first=32, last=96, start=0.25, end=0.75))
    assert [growing.side(224, e) for e in range(4)] == [32, 32, 64, 96]
    assert epoch(load(root), growing, number=3)[0].x.shape == (4, 3, 96, 96)


def test_held_out_images_are_no_longer_trained_on(root: Path) -> None:
    held = load(root).hold_out(5)
    assert (held.samples, held.size("validation"), held.size("test")) == (TRAIN - 5, 5, TEST)
    assert held.held is not None
    names = {p.name(i) for p in (held.photos, held.held) for i in range(len(p))}
    assert len(names) == TRAIN
    with pytest.raises(UserError, match="leave some to train on"):
        load(root).hold_out(TRAIN)


def test_a_broken_image_is_replaced_in_training_and_left_out_of_the_test(root: Path) -> None:
    whole = epoch(load(root))
    (root / "train" / "004.jpg").write_bytes(encoded(picture(4))[:200])
    data = load(root, workers=1)
    found = epoch(data)
    assert data.skipped == {"train/004.jpg": "Truncated File Read"}
    for before, after in zip(whole, found, strict=True):
        changed = [i for i in range(len(before.y)) if not torch.equal(before.x[i], after.x[i])]
        assert [int(before.index[i]) for i in changed] in ([], [4])
        assert all(after.y[i] == 5 % 3 for i in changed)
    assert same(found, epoch(load(root)))

    (root / "train" / "004.jpg").write_bytes(encoded(picture(4)))
    (root / "test" / "002.jpg").write_bytes(b"")
    data = load(root)
    [(x, y)] = data.split("test", RECIPE)
    assert y.tolist() == [i % 3 for i in range(TEST) if i != 2]
    assert len(x) == TEST - 1
    assert data.skipped == {"test/002.jpg": "the file is empty"}


def test_too_many_broken_images_end_it_with_their_names(root: Path) -> None:
    for name in ("003.jpg", "009.jpg"):
        (root / "train" / name).write_bytes(b"no image")
    with pytest.raises(
        TooManyBrokenError, match=r"2 of 29 images cannot be read, and at most 1 may be: train/003\.jpg .*/009\.jpg"
    ):
        epoch(load(root))


def test_the_number_of_workers_is_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(loaders.WORKERS, "3")
    assert loaders.default_workers() == 3
    monkeypatch.setenv(loaders.WORKERS, "many")
    with pytest.raises(UserError, match="CHEAPCONV_WORKERS is 'many'"):
        loaders.default_workers()
    monkeypatch.delenv(loaders.WORKERS)
    assert 0 <= loaders.default_workers() <= loaders.MOST_WORKERS


def test_what_is_evaluated_is_the_middle(root: Path) -> None:
    """Of 40 x 30 pixels the middle 26.25: what is outside of it does not matter."""
    image = picture(0)
    for box in ((0, 0, 6, 30), (34, 0, 40, 30)):
        image.paste((255, 0, 0), box)
    framed, plain = (folder_of_one(root / kind, shown) for kind, shown in (("f", image), ("p", picture(0))))
    [(a, _)], [(b, _)] = (replace(load(root), test=one).split("test", RECIPE) for one in (framed, plain))
    assert torch.equal(a, b)
    assert a.shape == (1, 3, SIDE, SIDE)
    assert not torch.equal(a, normalise(torch.zeros(1, 3, SIDE, SIDE, dtype=torch.uint8), RECIPE.normalisation))


def folder_of_one(root: Path, image: object) -> Photos:
    """A PNG, which keeps every pixel."""
    root.mkdir()
    (root / "0.png").write_bytes(encoded(image, "PNG"))  # type: ignore[arg-type]
    return Photos.of_files(root, ["0.png"], [0])


@pytest.mark.slow  # torch lets workers look for their parent every five seconds
def test_workers_of_a_killed_process_end_too(tmp_path: Path) -> None:
    """The pipe is at its end once nobody holds it any more."""
    root = folder(tmp_path, {"all": 90}) / "all"
    command = [sys.executable, "-m", "tests.suites.loading", str(root), "90"]
    killed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert killed.stdout == "ready\n"
