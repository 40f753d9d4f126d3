"""The optimiser's arithmetic, against the recipes' formula in float64."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from cheapconv.suites.schedule import Schedule
from tests.engine.tiny import CONSTANT, STEPS, train
from tests.engine.toys import Quadratic, by_hand


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_momentum_sgd_is_the_formula(steps, tmp_path):
    method = Quadratic()
    start = method.w.detach().clone()
    seen: list[Tensor] = []
    train(method, tmp_path, on_step=lambda position, _: seen.append(method.w.detach().clone()))
    torch.testing.assert_close(seen[steps - 1].double(), by_hand(start, [0.1] * steps), rtol=1e-6, atol=1e-7)


def test_nesterov_is_the_recipes_choice(tmp_path):
    """Nesterov's step is g + momentum v, with v as before."""
    method = Quadratic()
    w = method.w.detach().double()
    v = torch.zeros(3, dtype=torch.float64)
    for _ in range(STEPS):
        g = (w - Quadratic.target.double()) + 0.01 * w
        v = 0.9 * v + g
        w = w - 0.1 * (g + 0.9 * v)
    train(method, tmp_path, replace(CONSTANT, nesterov=True))
    torch.testing.assert_close(method.w.detach().double(), w, rtol=1e-6, atol=1e-7)


def test_adam_is_the_recipes_choice(tmp_path):
    """Kingma and Ba, algorithm 1, on the gradient with its weight decay."""
    method = Quadratic()
    w = method.w.detach().double()
    m, v = torch.zeros(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
    for step in range(1, STEPS + 1):
        g = (w - Quadratic.target.double()) + 0.01 * w
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g.square()
        w = w - 0.1 * (m / (1 - 0.9**step)) / ((v / (1 - 0.999**step)).sqrt() + 1e-8)
    train(method, tmp_path, replace(CONSTANT, optimiser="adam"))
    torch.testing.assert_close(method.w.detach().double(), w, rtol=1e-5, atol=1e-6)


class Groups(Quadratic):
    """Parameters with numbers of their own; all have the same gradient and the same start."""

    def __init__(self) -> None:
        super().__init__()
        names = ("decayed", "scaled", "slow", "still")
        self.others = nn.ParameterDict({name: self.w.detach().clone() for name in names})

    def losses(self, batch: Any, update: int = 0) -> dict[str, Tensor]:
        """The parabola of each."""
        parts = [(p - self.target).square().sum() / 2 for p in self.parameters()]
        return {"pull": torch.stack(parts).sum()}

    def param_groups(self) -> list[dict[str, Any]]:
        """Each parameter its own group."""
        own = {
            "decayed": {"weight_decay": 0.5},
            "scaled": {"weight_decay_scale": 10.0},
            "slow": {"lr": 0.02},
            "still": {"lr": 0.0},
        }
        return [{"params": [self.w]}, *({"params": [self.others[k]], **v} for k, v in own.items())]


def test_a_group_has_its_own_rate_and_weight_decay(tmp_path):
    method, drop = Groups(), Schedule(kind="multistep", milestones=(0.5,), drop=0.1)
    start = method.w.detach().clone()
    train(method, tmp_path, replace(CONSTANT, schedule=drop, epochs=2))
    rates = [0.1] * STEPS + [0.01] * STEPS  # the schedule is every group's
    expected = {
        "decayed": by_hand(start, rates, decay=0.5),
        "scaled": by_hand(start, rates, decay=0.1),
        "slow": by_hand(start, [0.2 * lr for lr in rates]),
        "still": start.double(),
    }
    for name, w in expected.items():
        torch.testing.assert_close(method.others[name].detach().double(), w, rtol=1e-5, atol=1e-6)


def test_parameters_without_gradient_are_left_alone(tmp_path):
    method = Quadratic()
    method.frozen = nn.Parameter(torch.ones(2), requires_grad=False)
    train(method, tmp_path)
    assert method.frozen.tolist() == [1, 1]
