"""Independent networks: as if each had been trained alone."""

import copy

import torch

from tests.methods.fixed import BATCH, Fixed, fixed_method, total
from tests.methods.inputs import STUDENT, TEACHER
from tests.methods.world import World, batch


def test_the_loss_is_the_sum_of_cross_entropies() -> None:
    method = fixed_method("ind", [Fixed(STUDENT), Fixed(TEACHER)], students=2)
    torch.testing.assert_close(total(method.losses(BATCH)).item(), 1.04724098 + 3.08477976, atol=1e-8, rtol=0)


def test_a_step_is_that_of_the_network_alone(world: World) -> None:
    together, alone = world.method("ind"), world.method("scratch")
    for method in (together, alone):
        optimiser = torch.optim.SGD(method.param_groups(), lr=0.1, weight_decay=5e-4)
        total(method.losses(batch())).backward()
        optimiser.step()
    for a, b in zip(together.students.networks[0].parameters(), alone.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_no_network_feels_another(world: World) -> None:
    method = world.method("ind", students=2)
    other = copy.deepcopy(method)
    with torch.no_grad():
        other.students.networks[1].classifier.weight.mul_(100)
    for m in (method, other):
        total(m.losses(batch())).backward()
    for a, b in zip(method.students.networks[0].parameters(), other.students.networks[0].parameters(), strict=True):
        assert torch.equal(a.grad, b.grad)


def test_the_mean_counts_and_the_ensemble_does_not(world: World) -> None:
    method = world.method("ind").eval()
    trained = method.networks()
    assert [t.headline for t in trained] == [True] * 4 + [False]
    x = batch().x
    expected = torch.stack([t.network(x) for t in trained[:4]]).mean(0)
    torch.testing.assert_close(trained[-1].network(x), expected)
    assert method.is_baseline
