"""Mixed batches: by hand, by the papers' formulas, and the same wherever they are drawn."""

from dataclasses import replace

import pytest
import torch
from scipy import stats
from torch import Tensor
from torch.nn.functional import cross_entropy, log_softmax

from cheapconv.suites import mix
from cheapconv.suites.augmentation import Mix
from cheapconv.suites.base import Batch
from tests.engine import tiny

MIXUP, CUTMIX = Mix(kind="mixup", alpha=1.0), Mix(kind="cutmix", alpha=1.0)
both = pytest.mark.parametrize("how", [MIXUP, CUTMIX])


def batch(views: int = 1) -> Batch:
    """Four images of 4 x 6 whose pixels are 1, 10, 100 and 1000, the second view negative, of classes 2, 0, 2 and 1."""
    x = torch.tensor([1.0, 10.0, 100.0, 1000.0])[:, None, None, None].expand(4, 3, 4, 6)
    copies = tuple((-1) ** view * x.contiguous(memory_format=torch.channels_last) for view in range(views))
    return Batch(copies[0], torch.tensor([2, 0, 2, 1]), torch.arange(4), copies)


def drawing(monkeypatch: pytest.MonkeyPatch, drawn: mix.Draw) -> None:
    monkeypatch.setattr(mix, "draw", lambda *_: drawn)


def test_mixup_by_hand(monkeypatch):
    drawing(monkeypatch, mix.Draw([1, 3, 2, 0], share=0.75))
    found = mix.mixed(batch(views=2), MIXUP, 3)
    assert found.x[:, 0, 0, 0].tolist() == [3.25, 257.5, 100, 750.25]
    assert (found.x == found.x[:, :1, :1, :1]).all()
    assert torch.equal(found.x, found.views[0])
    assert torch.equal(found.views[1], -found.views[0])  # with the same partners and share
    assert found.y.tolist() == [[0.25, 0, 0.75], [0.75, 0.25, 0], [0, 0, 1], [0, 0.75, 0.25]]
    assert found.index.tolist() == [0, 1, 2, 3]


def test_cutmix_by_hand(monkeypatch):
    drawing(monkeypatch, mix.Draw([1, 3, 2, 0], share=0.75, box=(1, 3, 0, 3)))
    found = mix.mixed(batch(views=2), CUTMIX, 3)
    assert found.x[1, 2].tolist() == [[10.0] * 6, *[[1000.0] * 3 + [10.0] * 3] * 2, [10.0] * 6]
    assert (found.x[2] == 100).all()
    assert torch.equal(found.views[1], -found.views[0])
    assert found.y[3].tolist() == [0, 0.75, 0.25]


def test_the_loss_is_that_of_both_labels(monkeypatch):
    drawing(monkeypatch, mix.Draw([1, 3, 2, 0], share=0.7))
    logits = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    hard, soft = batch().y, mix.mixed(batch(), MIXUP, 3).y
    expected = 0.7 * cross_entropy(logits, hard) + 0.3 * cross_entropy(logits, hard[[1, 3, 2, 0]])
    torch.testing.assert_close(cross_entropy(logits, soft), expected)
    torch.testing.assert_close(-(soft * log_softmax(logits, dim=1)).sum(dim=1).mean(), expected)


def test_smoothing_by_hand() -> None:
    found = mix.smoothed(batch(), 0.3, 3)
    torch.testing.assert_close(found.y[0], torch.tensor([0.1, 0.1, 0.8]))
    assert torch.equal(found.x, batch().x)
    logits = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(
        cross_entropy(logits, found.y), cross_entropy(logits, batch().y, label_smoothing=0.3), rtol=1e-6, atol=1e-6
    )


def test_smoothed_labels_are_mixed_by_the_same_share(monkeypatch: pytest.MonkeyPatch) -> None:
    drawing(monkeypatch, mix.Draw([1, 3, 2, 0], share=0.75))
    recipe = replace(tiny.RECIPE, smoothing=0.3, mix=MIXUP)
    torch.testing.assert_close(mix.soften(batch(), recipe, 3).y[0], torch.tensor([0.25 * 0.8 + 0.75 * 0.1, 0.1, 0.625]))
    assert torch.equal(mix.soften(batch(), replace(recipe, mix=None), 3).y, mix.smoothed(batch(), 0.3, 3).y)
    assert torch.equal(mix.soften(batch(), tiny.RECIPE, 3).y, batch().y)


def test_the_batch_that_is_mixed_stays_what_it_is(monkeypatch):
    drawing(monkeypatch, mix.Draw([1, 0, 3, 2], share=0.5, box=(0, 4, 0, 3)))
    plain = batch()
    mix.mixed(plain, CUTMIX, 3)
    assert torch.equal(plain.x, batch().x)
    assert plain.y.tolist() == [2, 0, 2, 1]


@pytest.mark.parametrize("alpha", [0.2, 1.0])
def test_shares_are_those_of_beta(alpha):
    drawn = [mix.draw(replace(MIXUP, alpha=alpha), 2, 8, 8, 0, 0, step).share for step in range(2000)]
    assert stats.kstest(drawn, stats.beta(alpha, alpha).cdf).pvalue > 0.001


def test_every_image_has_one_partner_in_its_batch():
    partners = {tuple(mix.draw(MIXUP, 3, 8, 8, 0, 0, step).partner) for step in range(200)}
    assert len(partners) == 6  # all permutations of three
    assert all(sorted(partner) == [0, 1, 2] for partner in partners)


def test_a_box_has_the_share_s_sides_unless_the_border_cuts_it_and_the_share_is_what_is_left():
    whole = 0
    for step in range(500):
        share = mix.draw(MIXUP, 2, 32, 16, 0, 0, step).share  # the first that is drawn, in both
        drawn = mix.draw(CUTMIX, 2, 32, 16, 0, 0, step)
        top, bottom, left, right = drawn.box
        assert 0 <= top <= bottom <= 32
        assert 0 <= left <= right <= 16
        assert drawn.share == 1 - (bottom - top) * (right - left) / (32 * 16)
        sides = tuple(int(length * (1 - share) ** 0.5) // 2 * 2 for length in (32, 16))
        assert bottom - top <= sides[0]
        assert right - left <= sides[1]
        whole += (bottom - top, right - left) == sides
    assert 50 < whole < 450  # some are cut off, some are not


def mixed_epoch(how: Mix, **where: int) -> list[Batch]:
    recipe = replace(tiny.RECIPE, mix=how)
    return [*tiny.data().train(recipe, **{"seed": 0, "epoch": 0, **where}, views=2)]


def equal(a: list[Batch], b: list[Batch]) -> bool:
    pairs = zip(a, b, strict=True)
    return all(torch.equal(p.y, q.y) and all(map(torch.equal, p.views, q.views)) for p, q in pairs)


@both
def test_an_epoch_that_is_resumed_mixes_as_an_unbroken_one(how):
    assert equal(mixed_epoch(how, start=1), mixed_epoch(how)[1:])
    assert not equal(mixed_epoch(how), mixed_epoch(how, epoch=1))
    assert not equal(mixed_epoch(how), mixed_epoch(how, seed=1))


@both
def test_what_is_mixed_are_the_images_of_the_plain_recipe(how):
    for step, (plain, found) in enumerate(zip(mixed_epoch(None), mixed_epoch(how), strict=True)):
        assert torch.equal(plain.index, found.index)
        assert plain.y.dtype == torch.int64
        again = mix.mixed(plain, how, 10, 0, 0, step)
        assert equal([again], [found])
        torch.testing.assert_close(found.y.sum(dim=1), torch.ones(len(found.y)))
        assert found.x.is_contiguous(memory_format=torch.channels_last)
        assert torch.equal(found.x, found.views[0])


def test_the_global_generators_are_left_alone():
    before: Tensor = torch.get_rng_state()
    mixed_epoch(CUTMIX)
    assert torch.equal(torch.get_rng_state(), before)
