"""Strong views: torchvision's RandAugment with each image's own random numbers, whatever surrounds it."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torchvision.transforms.v2 import RandAugment

from cheapconv.suites.augmentation import Augmentation, Strong
from cheapconv.suites.base import Batch
from cheapconv.suites.memory import normalise
from cheapconv.suites.place import seed_of
from cheapconv.suites.strong import strengthen
from tests.engine import tiny

STRONG = Strong(ops=2, magnitude=9)


def images(count: int = 12) -> Tensor:
    return torch.randint(256, (count, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(2))


def test_an_image_is_what_torchvision_makes_of_it():
    x = images()
    found = strengthen(x, Strong(ops=3, magnitude=20), 1, 2, 0, range(100, 112))
    assert (found.shape, found.dtype) == (x.shape, torch.uint8)
    for i, image in enumerate(x):
        torch.manual_seed(seed_of("strong", 1, 2, 0, 100 + i))
        assert torch.equal(found[i], RandAugment(num_ops=3, magnitude=20)(image))
    assert sum(torch.equal(a, b) for a, b in zip(found, x, strict=True)) < 6  # no operation, or one that does nothing


def test_an_image_depends_on_seed_epoch_view_and_index_and_not_on_its_batch():
    x, index = images(), [*range(12)]
    found = strengthen(x, STRONG, 0, 0, 0, index)
    assert torch.equal(strengthen(x[5:7], STRONG, 0, 0, 0, [5, 6]), found[5:7])
    assert torch.equal(strengthen(x.flip(0), STRONG, 0, 0, 0, index[::-1]).flip(0), found)
    for where in ((1, 0, 0), (0, 1, 0), (0, 0, 1)):
        assert not torch.equal(strengthen(x, STRONG, *where, index), found)
    assert not torch.equal(strengthen(x, STRONG, 0, 0, 0, [i + 12 for i in index]), found)


def test_the_trainer_s_random_numbers_go_on_as_if_nothing_had_been_drawn():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    strengthen(images(), STRONG, 0, 0, 0, range(12))
    assert torch.equal(torch.get_rng_state(), before)


def test_the_memory_layout_changes_nothing():
    x = images()
    last = x.contiguous(memory_format=torch.channels_last)
    assert torch.equal(strengthen(last, STRONG, 0, 0, 0, range(12)), strengthen(x, STRONG, 0, 0, 0, range(12)))


@pytest.mark.parametrize(
    ("views", "strong"),
    [
        (None, [False, False, False]),
        (("strong",), [True, True, True]),
        (("weak", "strong"), [False, True, True]),
        (("strong", "weak"), [True, False, False]),
        (("weak", "strong", "weak"), [False, True, False]),
    ],
)
def test_views_beyond_the_list_are_as_its_last_one(views, strong):
    augmentation = Augmentation(pad=1, flip=True, views=views, strong=STRONG)
    assert [augmentation.of_view(view) is STRONG for view in range(3)] == strong


def epoch(augmentation: Augmentation, start: int = 0) -> Iterator[Batch]:
    return tiny.data().train(replace(tiny.RECIPE, augmentation=augmentation), 0, 0, start, views=2)


def test_weak_views_shuffle_and_crops_are_those_of_the_plain_recipe():
    """Also under a cutout, which is drawn after the crops."""
    for plain in (Augmentation(pad=1, flip=True), Augmentation(pad=1, flip=True, cutout=3)):
        for weak, strong in zip(
            epoch(plain), epoch(replace(plain, views=("weak", "strong"), strong=STRONG)), strict=True
        ):
            assert torch.equal(weak.index, strong.index)
            assert torch.equal(weak.views[0], strong.views[0])
            assert not torch.equal(weak.views[1], strong.views[1])


def test_a_strong_view_is_the_weak_one_strengthened_before_it_is_normalised():
    still = Augmentation(pad=0, flip=False, views=("strong",), strong=STRONG)
    for batch in epoch(still):
        raw = tiny.data().train_x[batch.index]
        for view, found in enumerate(batch.views):
            changed = strengthen(raw, STRONG, 0, 0, view, batch.index.tolist())
            assert torch.equal(found, normalise(changed, tiny.RECIPE.normalisation))


def test_an_epoch_that_is_resumed_has_the_views_of_an_unbroken_one():
    augmentation = Augmentation(pad=1, flip=True, views=("weak", "strong"), strong=STRONG)
    for whole, rest in zip([*epoch(augmentation)][1:], epoch(augmentation, start=1), strict=True):
        assert all(map(torch.equal, whole.views, rest.views))
