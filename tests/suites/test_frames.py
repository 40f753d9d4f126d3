"""Frames: images and labels move together, and a sample's place depends on (seed, epoch, index) alone."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from cheapconv.suites.augmentation import Augmentation, Normalisation
from cheapconv.suites.frames import Frames, augment
from cheapconv.suites.recipe import Recipe
from cheapconv.suites.schedule import Schedule

VOID, HEIGHT, WIDTH = 9, 12, 16
CROP = Augmentation(pad=2, flip=True)
SCALED = Augmentation(pad=0, flip=True, crop=(8, 8), scale=(0.7, 1.6))
RECIPE = Recipe(
    name="short",
    epochs=1,
    batch=3,
    lr=0.1,
    weight_decay=0.0,
    schedule=Schedule(kind="poly"),
    augmentation=CROP,
    normalisation=Normalisation(mean=(0.0,) * 3, std=(1.0,) * 3),
)


def blocks(count: int = 8) -> tuple[Tensor, Tensor]:
    """Frames (N, 3, H, W) painted with their labels (N, H, W), 1 to 8 in blocks of 4x4 pixels."""
    generator = torch.Generator().manual_seed(5)
    coarse = torch.randint(1, 9, (count, HEIGHT // 4, WIDTH // 4), generator=generator, dtype=torch.uint8)
    labels = coarse.repeat_interleave(4, dim=1).repeat_interleave(4, dim=2)
    return (labels * 20)[:, None].repeat(1, 3, 1, 1), labels


def drawn(count: int = 8) -> Tensor:
    return torch.rand(count, 4, generator=torch.Generator().manual_seed(6), dtype=torch.float64)


def frames(count: int = 7) -> Frames:
    x, y = blocks(count)
    return Frames(x, y, x[:3], y[:3], ("a",) * 9, void=VOID)


@pytest.mark.parametrize("augmentation", [CROP, replace(CROP, crop=(6, 10)), replace(CROP, pad=0)])
def test_an_image_painted_with_its_labels_stays_so(augmentation: Augmentation):
    x, y = blocks()
    image, labels = augment(x, y, drawn(), augmentation, VOID)
    assert image.shape[2:] == labels.shape[1:] == (augmentation.crop or (HEIGHT, WIDTH))
    outside = labels == VOID
    assert torch.equal(image[:, 0][~outside], labels[~outside] * 20)
    assert (image[:, 0][outside] == 0).all()
    assert outside.any() == (augmentation.pad > 0)
    assert not torch.equal(labels, y)


def test_an_image_painted_with_its_labels_stays_so_where_it_is_scaled():
    """But for the rims between two labels, where the image is between two colours."""
    x, y = blocks()
    image, labels = augment(x, y, drawn(), SCALED, VOID)
    colours = image[:, 0] / 20
    pure = (colours - colours.round()).abs() < 1e-4
    inner = torch.nn.functional.unfold(labels[:, None].float(), 3, padding=1).view(8, 9, 8, 8)
    even = (inner == inner[:, :1]).all(dim=1)  # eight equal neighbours
    assert even.float().mean() > 0.1
    assert pure[even & (labels != VOID)].all()
    assert torch.equal(colours[even & (labels != VOID)].round().byte(), labels[even & (labels != VOID)])


def test_a_larger_scale_shows_less_of_a_frame():
    ramp = torch.arange(WIDTH, dtype=torch.uint8).expand(4, 3, HEIGHT, WIDTH)
    _, y = blocks(4)
    spans = []
    for scale in (1.0, 2.0):
        fixed = Augmentation(pad=0, flip=False, crop=(8, 8), scale=(scale, scale))
        image, _ = augment(ramp, y, drawn(4), fixed, VOID)
        spans.append((image[..., -1] - image[..., 0]).mean().item())
    assert spans == pytest.approx([7.0, 3.5])


def test_half_of_the_frames_are_mirrored():
    x, y = blocks(200)
    labels = augment(x, y, drawn(200), Augmentation(pad=0, flip=True), VOID)[1]
    mirrored = (labels == y.flip(2)).flatten(1).all(dim=1)
    assert 70 < mirrored.sum() < 130
    assert torch.equal(labels[~mirrored], y[~mirrored])


@pytest.mark.parametrize("augmentation", [CROP, SCALED])
def test_an_epoch_goes_on_where_it_was_left_and_another_seed_is_another(augmentation: Augmentation):
    data, recipe = frames(), replace(RECIPE, augmentation=augmentation)
    whole = [*data.train(recipe, seed=1, epoch=2)]
    assert [len(batch.y) for batch in whole] == [3, 4]  # the last frame joins
    [rest] = data.train(recipe, seed=1, epoch=2, start=1)
    assert torch.equal(rest.x, whole[1].x)
    assert torch.equal(rest.y, whole[1].y)
    assert torch.equal(rest.index, whole[1].index)
    for seed, epoch in ((2, 2), (1, 3)):
        other = next(data.train(recipe, seed=seed, epoch=epoch))
        assert not torch.equal(other.x, whole[0].x)


def test_labels_are_int64_and_images_normalised():
    data = frames()
    batch = next(data.train(RECIPE, seed=0, epoch=0, views=2))
    assert batch.y.dtype == torch.int64
    assert batch.x.is_contiguous(memory_format=torch.channels_last)
    assert batch.x.max() <= 1
    assert len(batch.views) == 2
    seen = [*data.split("test", RECIPE)]
    assert torch.cat([y for _, y in seen]).shape == (3, HEIGHT, WIDTH)
    assert [*data.split("validation", RECIPE)] == []
    held = data.hold_out(2)
    assert (held.samples, held.size("validation")) == (5, 2)
