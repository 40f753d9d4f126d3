"""Batches: every image once an epoch, cropped and mirrored as drawn, the same whenever the epoch is drawn again."""

import itertools
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn.functional import pad

from cheapconv.suites import memory as batches
from cheapconv.suites.augmentation import Augmentation
from cheapconv.suites.base import Batch
from cheapconv.suites.memory import InMemory, augment, cut_out, normalise
from cheapconv.suites.recipe import Recipe
from tests.engine import tiny

PAD = Augmentation(pad=4, flip=True)


def images(count: int, side: int = 8) -> Tensor:
    """(N, 3, side, side) uint8."""
    generator = torch.Generator().manual_seed(2)
    return torch.randint(256, (count, 3, side, side), dtype=torch.uint8, generator=generator)


def crop_slowly(image: Tensor, row: int, column: int, mirrored: int, pad: int) -> Tensor:
    """One image (C, H, W), pixel by pixel: in the zero-padded image from (row, column) on, then turned over."""
    channels, height, width = image.shape
    found = torch.zeros_like(image)
    for c, i, j in itertools.product(range(channels), range(height), range(width)):
        y, x = i + row - pad, (width - 1 - j if mirrored else j) + column - pad
        if 0 <= y < height and 0 <= x < width:
            found[c, i, j] = image[c, y, x]
    return found


def epoch(data: InMemory, recipe: Recipe, seed: int = 0, number: int = 0, start: int = 0) -> list[Batch]:
    return list(data.train(recipe, seed, number, start))


def same(a: list[Batch], b: list[Batch]) -> bool:
    pairs = list(zip(a, b, strict=True))
    return all(torch.equal(p.index, q.index) and torch.equal(p.x, q.x) and torch.equal(p.y, q.y) for p, q in pairs)


def test_crop_and_flip_are_those_of_a_slow_reference():
    """Images that are not square, so that rows and columns cannot be confused."""
    x = images(12)[:, :, :5]  # (12, 3, 5, 8)
    generator = torch.Generator().manual_seed(3)
    draw = torch.cat([torch.randint(9, (12, 2), generator=generator), torch.arange(12)[:, None] % 2], dim=1)
    found = augment(x, draw, PAD)
    for i, (row, column, mirrored) in enumerate(draw.tolist()):
        assert torch.equal(found[i], crop_slowly(x[i], row, column, mirrored, pad=4)), (row, column, mirrored)


def test_a_reflecting_border_is_the_image_mirrored():
    x = images(12)[:, :, :6]  # (12, 3, 6, 8)
    generator = torch.Generator().manual_seed(3)
    draw = torch.cat([torch.randint(9, (12, 2), generator=generator), torch.arange(12)[:, None] % 2], dim=1)
    wide = pad(x.float(), [4] * 4, mode="reflect")
    for i, found in enumerate(augment(x, draw, replace(PAD, padding="reflect"))):
        row, column, mirrored = draw[i].tolist()
        expected = wide[i, :, row : row + 6, column : column + 8]
        assert torch.equal(found.float(), expected.flip(2) if mirrored else expected), (row, column, mirrored)


def test_a_square_is_cut_out_around_its_centre_and_ends_at_the_border():
    x = torch.ones(4, 3, 8, 10)
    centres = torch.tensor([[4, 4], [0, 9], [7, 0], [3, 8]])
    cut_out(x, centres, side=4)
    for image, (row, column) in zip(x, centres.tolist(), strict=True):
        expected = torch.ones(3, 8, 10)
        expected[:, max(0, row - 2) : row + 2, max(0, column - 2) : column + 2] = 0
        assert torch.equal(image, expected)


def test_cut_out_images_are_the_others_with_a_hole_of_their_own():
    """Shuffle and crops stay what they are without holes; every view has holes of its own."""
    holed = replace(tiny.RECIPE, augmentation=replace(tiny.RECIPE.augmentation, cutout=3))
    data = tiny.data()
    corners = set()
    for plain, cut in zip(data.train(tiny.RECIPE, 0, 0, views=2), data.train(holed, 0, 0, views=2), strict=True):
        assert torch.equal(plain.index, cut.index)
        for whole, view in zip(plain.views, cut.views, strict=True):
            hole = (view == 0).all(dim=1)  # (B, H, W)
            assert torch.equal(torch.where(hole[:, None], 0, whole), view)
            assert ((hole.sum(dim=(1, 2)) >= 4) & (hole.sum(dim=(1, 2)) <= 9)).all()
            corners |= {tuple(h.nonzero()[0].tolist()) for h in hole}
    assert len(corners) > 20
    assert same([*data.train(holed, 0, 0, start=1)], [*data.train(holed, 0, 0)][1:])


def test_the_border_is_black_before_normalising():
    """Zero as a pixel, which normalised is -mean / std, and not zero after normalising."""
    x = torch.full((1, 3, 8, 8), 255, dtype=torch.uint8)
    corner = torch.tensor([[0, 0, 0]])  # shows 4 rows and columns of the border
    found = normalise(augment(x, corner, PAD), tiny.RECIPE.normalisation)
    mean, std = (torch.tensor(v) for v in (tiny.RECIPE.normalisation.mean, tiny.RECIPE.normalisation.std))
    torch.testing.assert_close(found[0, :, 0, 0], -mean / std)
    torch.testing.assert_close(found[0, :, 7, 7], (1 - mean) / std)


def test_normalising_is_the_formula():
    x, n = images(4), tiny.RECIPE.normalisation
    mean, std = (torch.tensor(v, dtype=torch.float64).view(1, 3, 1, 1) for v in (n.mean, n.std))
    found = normalise(x, n)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double(), (x.double() / 255 - mean) / std, rtol=1e-5, atol=1e-5)


def test_the_constants_are_made_once():
    """A copy from the host in every batch would make each of them wait for a GPU."""
    n = tiny.RECIPE.normalisation
    assert all(a is b for a, b in zip(batches.constants(n, tiny.CPU), batches.constants(n, tiny.CPU), strict=True))


def positions(data: InMemory, recipe: Recipe, epochs: int) -> Tensor:
    """Where each sample's crop and mirror put it, read off images that are coordinates: (samples, 3)."""
    found = [b.x for number in range(epochs) for b in epoch(data, recipe, number=number)]
    x = torch.cat(found).round().long()  # (N, 3, 8, 8): channel 0 counts rows from 100, channel 1 columns
    row, left, right = x[:, 0, 7, 7] - 103, x[:, 1, 7, 7] - 103, x[:, 1, 7, 8] - 103
    mirrored = (left > right).long()
    return torch.stack([row, torch.minimum(left, right), mirrored], dim=1)


@pytest.fixture
def coordinates() -> tuple[InMemory, Recipe]:
    """600 images whose pixels say where they are; 9 x 9 crops that never lose the middle."""
    line = torch.arange(100, 116, dtype=torch.uint8)
    pixel = torch.stack([line[:, None].expand(16, 16), line.expand(16, 16), torch.zeros(16, 16).byte()])
    x, y = pixel.expand(600, 3, 16, 16).contiguous(), torch.zeros(600, dtype=torch.int64)
    plain = replace(tiny.RECIPE.normalisation, mean=(0.0,) * 3, std=(1 / 255,) * 3)
    recipe = replace(tiny.RECIPE, batch=64, augmentation=PAD, normalisation=plain)
    return InMemory(x, y, x[:1], y[:1], ("only",)), recipe


def test_every_offset_occurs_for_every_sample_its_own(coordinates):
    found = positions(*coordinates, epochs=3)
    assert len({(row, column) for row, column, _ in found.tolist()}) == 81
    counts = torch.bincount(found[:, 0] * 9 + found[:, 1], minlength=81)
    assert counts.min() >= 5  # of 22 expected: 3.6 standard deviations
    assert counts.max() <= 45
    for offset in found[:64, :2].T:
        assert len(offset.unique()) == 9  # within one batch


def test_half_of_the_images_are_mirrored(coordinates):
    mirrored = positions(*coordinates, epochs=3)[:, 2].float().mean().item()
    assert abs(mirrored - 0.5) < 0.05  # 1800 samples: four standard deviations


def test_nothing_is_mirrored_where_the_recipe_says_so(coordinates):
    data, recipe = coordinates
    still = replace(recipe, augmentation=Augmentation(pad=4, flip=False))
    assert positions(data, still, epochs=1)[:, 2].sum() == 0


def test_no_padding_leaves_the_images_alone():
    recipe = replace(tiny.RECIPE, augmentation=Augmentation(pad=0, flip=False))
    for b in epoch(tiny.data(), recipe):
        assert torch.equal(b.x, normalise(tiny.data().train_x[b.index], recipe.normalisation))


def test_every_image_comes_once_with_its_label():
    found = epoch(tiny.data(), tiny.RECIPE)
    index = torch.cat([b.index for b in found])
    assert sorted(index.tolist()) == list(range(tiny.TRAIN))
    assert index.tolist() != sorted(index.tolist())
    assert torch.equal(torch.cat([b.y for b in found]), tiny.data().train_y[index])
    assert [len(b.y) for b in found] == [16, 16, 8]
    assert tiny.data().steps(tiny.RECIPE) == 3


@pytest.mark.parametrize(
    ("batch", "sizes"),
    [
        (13, [13, 13, 14]),  # 40 = 3 x 13 + 1
        (39, [40]),
        (3, [3] * 12 + [4]),
        (19, [19, 19, 2]),
        (40, [40]),
        (41, [40]),
        (1, [1] * 40),  # as it was asked for
    ],
)
def test_a_last_image_of_its_own_joins_the_batch_before_it(batch, sizes):
    recipe = replace(tiny.RECIPE, batch=batch)
    found = epoch(tiny.data(), recipe)
    assert [len(b.y) for b in found] == sizes
    assert tiny.data().steps(recipe) == len(sizes)
    assert sorted(torch.cat([b.index for b in found]).tolist()) == list(range(tiny.TRAIN))
    assert same(epoch(tiny.data(), recipe, start=len(sizes) - 1), found[-1:])


def test_a_single_image_is_a_batch():
    one = replace(tiny.data(), train_x=images(1), train_y=torch.zeros(1, dtype=torch.int64))
    assert [len(b.y) for b in epoch(one, tiny.RECIPE)] == [1]


def test_an_epoch_is_the_same_whenever_it_is_drawn():
    first = epoch(tiny.data(), tiny.RECIPE, seed=3, number=5)
    torch.rand(7)  # torch's own generator has no say
    assert same(first, epoch(tiny.data(), tiny.RECIPE, seed=3, number=5))


@pytest.mark.parametrize(("seed", "number"), [(4, 5), (3, 6), (5, 3)])
def test_another_seed_or_epoch_is_another_shuffle(seed, number):
    first = epoch(tiny.data(), tiny.RECIPE, seed=3, number=5)
    other = epoch(tiny.data(), tiny.RECIPE, seed=seed, number=number)
    assert not torch.equal(first[0].index, other[0].index)


@pytest.mark.parametrize("start", [0, 1, 2, 3])
def test_starting_later_is_skipping(start):
    assert same(epoch(tiny.data(), tiny.RECIPE, start=start), epoch(tiny.data(), tiny.RECIPE)[start:])


def test_the_first_view_is_the_same_however_many_there_are():
    one, three = (next(tiny.data().train(tiny.RECIPE, 0, 0, views=n)) for n in (1, 3))
    assert len(three.views) == 3
    assert torch.equal(one.x, three.x)
    assert all(not torch.equal(a, b) for a, b in itertools.combinations(three.views, 2))


def test_the_test_set_comes_in_order_and_whole(monkeypatch):
    monkeypatch.setattr(batches, "EVAL_BATCH", 10)
    data = tiny.data()
    found = list(data.split("test", tiny.RECIPE))
    assert [len(y) for _, y in found] == [10, 10, 3]
    assert torch.equal(torch.cat([x for x, _ in found]), normalise(data.test_x, tiny.RECIPE.normalisation))
    assert torch.equal(torch.cat([y for _, y in found]), data.test_y)
