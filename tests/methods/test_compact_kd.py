"""compact_kd: the proximal step, the multipliers, the cut, and the search without a penalty."""

import json

import pytest
import torch

from cheapconv.methods.base import Context
from cheapconv.methods.compact_kd import block_of, next_multiplier, shrink
from tests.methods.fixed import total
from tests.methods.world import CPU, TEACHER, World, batch

CONTEXT = Context(lambda: iter([batch()]), CPU, 0)


def cut(method) -> None:
    method.clock.phase = 1
    method.phases()[1].begin(CONTEXT)


def test_the_proximal_step_makes_exact_zeros() -> None:
    scale = torch.tensor([0.5, -0.5, 0.05, -0.05, 0.1])
    shrink(scale, 0.1)
    torch.testing.assert_close(scale, torch.tensor([0.4, -0.4, 0.0, 0.0, 0.0]))
    assert (scale[2:] == 0).all()


def test_multipliers_rise_with_the_gap_and_stay_within_bounds() -> None:
    assert next_multiplier(1e-3, 1.0, 1.0) == pytest.approx(1e-3 * 2.718281828**0.4)
    assert next_multiplier(1e-3, -5.0, 1.0) == pytest.approx(1e-3 * 2.718281828**-0.2)
    assert next_multiplier(4.9e-2, 1.0, 3.0) == 5e-2
    assert next_multiplier(1.1e-6, -0.5, 3.0) == 1e-6


@pytest.mark.parametrize(("cost", "keep"), [("macs", 0.5), ("params", 0.7)])
def test_the_budget_is_met_and_the_network_can_be_rebuilt(world: World, cost: str, keep: float) -> None:
    method = world.method("compact_kd", cost=cost, keep=keep)
    cut(method)
    left = method._build.cost(cost, method.student)
    assert 0.98 * keep * method._whole <= left <= keep * method._whole
    again = world.method("compact_kd", cost=cost, keep=keep)
    again.restructure(json.loads(json.dumps(method.structure())))
    again.load_state_dict(method.state_dict())
    torch.testing.assert_close(again.eval().student(batch().x), method.eval().student(batch().x), rtol=1e-4, atol=1e-5)
    assert method.student.channels == [16, 32, 64]  # sums are not searched


def test_silent_channels_are_cut_and_the_outputs_stay(world: World) -> None:
    method = world.method("compact_kd", keep=0.6)
    with torch.no_grad():
        for name, group in zip(method._scales, method._searched, strict=True):
            norm = method.student.get_submodule(name)
            norm.weight[: group.size // 2] = 0
            norm.bias[: group.size // 2] = 0
    x = batch().x
    before = method.eval().student(x)
    cut(method)
    torch.testing.assert_close(method.eval().student(x), before, rtol=1e-4, atol=1e-5)


def test_without_multipliers_the_search_is_distillation(world: World) -> None:
    method, kd = world.method("compact_kd"), world.method("kd")
    assert total(method.losses(batch())).item() == pytest.approx(total(kd.losses(batch())).item(), rel=1e-6)
    method.multipliers.zero_()
    before = [scale.clone() for scale in method._gammas()]
    method.clock.lr.fill_(0.1)
    method.after_update()
    assert all(torch.equal(a, b) for a, b in zip(before, method._gammas(), strict=True))


def test_the_step_is_lr_times_multiplier_times_price(world: World) -> None:
    method = world.method("compact_kd")
    before = [scale.clone() for scale in method._gammas()]
    method.multipliers.fill_(0.02)
    method.clock.lr.fill_(0.5)
    method.after_update()
    for a, b, price in zip(before, method._gammas(), method.prices, strict=True):
        torch.testing.assert_close(a - b, (0.01 * price).expand_as(a))
    mean = sum(float(p) * g.size for p, g in zip(method.prices, method._searched, strict=True))
    assert mean / sum(g.size for g in method._searched) == pytest.approx(1, rel=1e-5)


def test_the_search_decays_all_but_the_searched_scales(world: World) -> None:
    method = world.method("compact_kd")
    [others, searched] = method.param_groups()
    assert searched["weight_decay"] == 0
    assert [id(p) for p in searched["params"]] == [id(p) for p in method._gammas()]
    assert "weight_decay" not in others
    method.clock.phase = 1
    assert len(method.param_groups()) == 1


def test_the_same_network_starts_from_its_teacher(world: World) -> None:
    same, other = world.method("compact_kd", architecture=TEACHER), world.method("compact_kd")
    x = batch().x
    torch.testing.assert_close(same.eval().student(x), same.teacher(x))
    assert other.student.channels != other.teacher.channels


def test_blocks(world: World) -> None:
    student = world.method("compact_kd").student
    assert block_of("stage_modules.1.0.path.0", student) == "stage_modules.1.0"
