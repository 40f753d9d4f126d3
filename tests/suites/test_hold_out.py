"""Images held out of the training set."""

import pytest
import torch

from cheapconv.catalog.errors import UserError
from cheapconv.suites.digits import Digits
from cheapconv.suites.memory import normalise
from cheapconv.suites.place import Place


def test_held_out_images_are_training_images_that_are_no_longer_trained_on():
    data = Digits().load()
    held = data.hold_out(297)
    assert len(held.train_y) == 1000
    assert held.validation_x is not None
    assert len(held.validation_x) == 297
    before = sorted(image.numpy().tobytes() for image in data.train_x)
    after = sorted(image.numpy().tobytes() for image in torch.cat([held.train_x, held.validation_x]))
    assert after == before
    assert torch.equal(held.test_x, data.test_x)


def test_the_same_images_are_held_out_every_time():
    data = Digits().load()
    first, second = data.hold_out(100).validation_x, data.hold_out(100).validation_x
    assert first is not None
    assert second is not None
    assert torch.equal(first, second)


def test_holding_out_everything_is_refused():
    data = Digits().load()
    with pytest.raises(UserError, match="leave some to train on"):
        data.hold_out(1297)


def test_a_suite_opens_with_images_held_out():
    data = Digits().open(Place(torch.device("cpu")), validation=297)
    assert (data.samples, data.size("test"), data.size("validation")) == (1000, 500, 297)
    assert Digits().open(Place(torch.device("cpu"))).size("validation") == 0
    held = Digits().load().hold_out(297)
    x, y = (torch.cat(parts) for parts in zip(*data.split("validation", Digits.recipes["short"]), strict=True))
    assert held.validation_x is not None
    assert torch.equal(x, normalise(held.validation_x, Digits.recipes["short"].normalisation))
    assert torch.equal(y, held.validation_y)


def test_held_out_images_move_with_the_others():
    """The meta device stands for any other than the CPU."""
    moved = Digits().load().hold_out(10).to(torch.device("meta"))
    tensors = [value for value in vars(moved).values() if isinstance(value, torch.Tensor)]
    assert len(tensors) == 6
    assert {tensor.device.type for tensor in tensors} == {"meta"}


@pytest.mark.parametrize("mixup", [None, 0.4])
@pytest.mark.parametrize("world", [2, 3])
def test_the_shares_of_several_places_are_every_batch_and_every_split_once(world, mixup):
    """In turn: the first sample is the first place's, the second the second's."""
    recipe = Digits.recipes["short"].override(mixup=mixup)
    places = [Place(torch.device("cpu"), rank=rank, world=world) for rank in range(world)]
    whole, parts = Digits().open(Place(torch.device("cpu"))), [Digits().open(place) for place in places]
    shared = zip(*(part.train(recipe, seed=0, epoch=1, start=3, views=2) for part in parts), strict=True)
    for batch, shares in zip(whole.train(recipe, seed=0, epoch=1, start=3, views=2), shared, strict=True):
        assert {share.whole for share in shares} == {len(batch.y)}
        for rank, share in enumerate(shares):
            for ours, theirs in zip((share.x, share.y, share.index), (batch.x, batch.y, batch.index), strict=True):
                assert torch.equal(ours, theirs[rank::world])
            assert torch.equal(share.views[1], batch.views[1][rank::world])
    every = torch.cat([y for _, y in whole.split("test", recipe)])
    counted = torch.cat([y for part in parts for _, y in part.split("test", recipe)])
    assert torch.equal(every.sort().values, counted.sort().values)
    alone = parts[1].at(Place(torch.device("cpu")))
    assert len(next(alone.train(recipe, seed=0, epoch=1)).y) == recipe.batch
