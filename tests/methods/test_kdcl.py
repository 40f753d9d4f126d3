"""KDCL: its four targets against literal ones, a view for every network, and what is detached."""

import math
from types import SimpleNamespace

import pytest
import torch
from scipy.optimize import minimize
from torch import Tensor

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.methods.base import Context, Method
from cheapconv.methods.kdcl import general_weights, linear_weights, minlogit_target, naive_target
from cheapconv.methods.losses import cross_entropy, kl
from tests.methods.fixed import BATCH, Fixed, fixed_method, total
from tests.methods.inputs import LABELS, STUDENT, TEACHER, THIRD
from tests.methods.online import gradients, leaves
from tests.methods.world import CPU, SUITE, World, batch, data

ALL = torch.stack([STUDENT, TEACHER, THIRD])  # (m, B, C)


def mixed_linearly(logits, labels):
    return (linear_weights(logits, labels)[:, None, None] * logits).sum(dim=0)


def fixed_kdcl(*logits: Tensor, **settings: object) -> Method:
    return fixed_method("kdcl", [Fixed(z) for z in logits], students=len(logits), **settings)


def loss(*logits: Tensor, **settings: object) -> Tensor:
    views = SimpleNamespace(**vars(BATCH) | {"views": (None,) * len(logits)})
    return total(fixed_kdcl(*logits, **settings).losses(views))


def test_the_naive_loss() -> None:
    assert loss(STUDENT, TEACHER, THIRD, target="naive").item() == pytest.approx(13.21674819, abs=6e-9)


def test_naive_takes_the_best_network_of_each_sample() -> None:
    for b, row in enumerate(naive_target(ALL, LABELS)):
        entropies = [-z[b].log_softmax(0)[LABELS[b]].item() for z in ALL]
        assert torch.equal(row, ALL[entropies.index(min(entropies)), b])


def test_minlogit_takes_the_smallest_gap_of_each_class() -> None:
    target = minlogit_target(ALL, LABELS)
    for b in range(4):
        for c in range(5):
            assert target[b, c].item() == min((z[b, c] - z[b, LABELS[b]]).item() for z in ALL)
    assert (target.gather(1, LABELS[:, None]) == 0).all()


def test_minlogit_is_at_least_as_right_as_every_network() -> None:
    every = [cross_entropy(z[b : b + 1], LABELS[b : b + 1]) for z in ALL for b in range(4)]
    target = minlogit_target(ALL, LABELS)
    best = [cross_entropy(target[b : b + 1], LABELS[b : b + 1]) for b in range(4)]
    assert all(best[i % 4] <= ce + 1e-12 for i, ce in enumerate(every))


def least_cross_entropy(logits: Tensor, labels: Tensor) -> float:
    """The minimum over the simplex, by a general solver from several starts."""

    def of(weights: object) -> float:
        mixed = torch.einsum("m,mbc->bc", torch.as_tensor(weights, dtype=torch.float64), logits)
        return cross_entropy(mixed, labels).item()

    m = len(logits)
    starts = [[1 / m] * m, *torch.eye(m).tolist()]
    sum_is_one = {"type": "eq", "fun": lambda w: sum(w) - 1}
    return min(minimize(of, s, bounds=[(0, 1)] * m, constraints=[sum_is_one], tol=1e-12).fun for s in starts)


@pytest.mark.parametrize("scale", [0.1, 1.0, 10.0])
@pytest.mark.parametrize("members", [2, 3, 4])
def test_linear_finds_the_best_mixture(members: int, scale: float) -> None:
    generator = torch.Generator().manual_seed(members)
    logits = scale * torch.randn(members, 32, 10, generator=generator, dtype=torch.float64)
    labels = torch.randint(10, (32,), generator=generator)
    logits[0, torch.arange(32), labels] += scale  # the first knows something
    found = cross_entropy(mixed_linearly(logits, labels), labels).item()
    best = least_cross_entropy(logits, labels)
    assert best - 1e-6 <= found <= best + 1e-3 * max(1, best)


def test_linear_leaves_out_a_network_that_is_always_wrong() -> None:
    right = 5 * torch.nn.functional.one_hot(LABELS, 5).double()
    torch.testing.assert_close(mixed_linearly(torch.stack([right, -right]), LABELS), right, atol=1e-3, rtol=0)


def test_general_weighs_by_the_inverse_covariance_of_errors() -> None:
    errors = ALL.softmax(2) - torch.nn.functional.one_hot(LABELS, 5)
    covariance = torch.tensor([[sum((a * b).flatten()).item() / 4 for b in errors] for a in errors])
    inverse = torch.linalg.inv(covariance.double())
    weights = general_weights(ALL, LABELS)
    torch.testing.assert_close(weights, inverse.sum(1) / inverse.sum(), rtol=1e-3, atol=1e-4)
    assert weights.sum().item() == pytest.approx(1)


def test_equal_networks_share_the_weight() -> None:
    torch.testing.assert_close(general_weights(ALL[[0, 0, 0]], LABELS), torch.full((3,), 1 / 3).double())


def test_general_weights_are_learned_at_the_end_of_an_epoch(world: World) -> None:
    method = world.method("kdcl", target="general")
    assert method.weights.tolist() == [0.5, 0.5]
    recipe = catalog.parse("suite", SUITE).recipes["short"].override(batch=8)
    method.end_epoch(Context(lambda: data().train(recipe, seed=0, epoch=0), CPU, 0))
    assert method.training
    assert method.weights.sum().item() == pytest.approx(1, abs=1e-5)
    assert method.weights.tolist() != [0.5, 0.5]
    assert "weights" in method.state_dict()


@pytest.mark.parametrize("target", ["minlogit", "naive", "linear", "general"])
def test_every_target_is_detached(target: str) -> None:
    first, second = leaves(STUDENT, TEACHER)
    method = fixed_kdcl(first, second, target=target)
    views = SimpleNamespace(**vars(BATCH) | {"views": (None, None)})
    found = torch.autograd.grad(method.losses(views)["kd"], [first, second])
    goal = method._target(torch.stack([STUDENT, TEACHER]), LABELS)
    for z, gradient in zip((first, second), found, strict=True):
        torch.testing.assert_close(gradient, torch.autograd.grad(4 * kl(z, goal, 2.0), z)[0])


def test_the_weight_is_one_per_sample_and_class_count_does_not_matter() -> None:
    assert (loss(STUDENT, TEACHER, kd_weight=2) - loss(STUDENT, TEACHER, kd_weight=1)).item() == pytest.approx(
        (loss(STUDENT, TEACHER) - loss(STUDENT, TEACHER, kd_weight=0)).item()
    )
    wider = [torch.cat([z, torch.full((4, 95), -1e3, dtype=z.dtype)], dim=1) for z in (STUDENT, TEACHER)]
    torch.testing.assert_close(loss(*wider), loss(STUDENT, TEACHER))


@pytest.mark.parametrize("target", ["minlogit", "naive", "linear", "general"])
def test_bf16_logits_give_what_float32_gives(target: str) -> None:
    half = [z.bfloat16() for z in (STUDENT, TEACHER)]
    found = loss(*half, target=target)
    assert found.dtype == torch.float32
    assert found.item() == pytest.approx(loss(*(z.float() for z in half), target=target).item(), rel=2e-2)


def test_each_network_has_a_view_of_its_own(world: World) -> None:
    method = world.method("kdcl", students=3)
    assert method.views == 3
    seen = {}
    for i, network in enumerate(method.students.networks):
        network.stem.register_forward_hook(lambda m, args, out, i=i: seen.update({i: args[0]}))
    images = batch(views=3)
    method.losses(images)
    assert all(seen[i] is view for i, view in enumerate(images.views))
    assert not torch.equal(images.views[0], images.views[1])


def test_the_target_teaches_every_network(world: World) -> None:
    method = world.method("kdcl")
    reached = gradients(method, method.losses(batch(views=2))["kd"])
    assert reached.keys() == {name for name, _ in method.named_parameters()}


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"students": 1}, "students and partners together must be at least 2"),
        ({"kd_weight": -1}, "kd_weight must be greater than or equal to 0, not -1"),
        ({"temperature": math.inf}, "temperature must be a finite number, not inf"),
        ({"target": "best"}, "target must be 'minlogit', 'naive', 'linear' or 'general', not 'best'"),
    ],
)
def test_wrong_settings_are_refused(settings: dict, sentence: str) -> None:
    catalog.load()
    with pytest.raises(UserError, match=sentence):
        catalog.build("method", "kdcl", settings)
