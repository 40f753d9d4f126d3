"""BlockSwap: the Fisher potential, the candidates' budget, the winner, and the random control."""

import itertools
import json

import pytest
import torch

from cheapconv.catalog.errors import UserError
from cheapconv.methods.base import Context
from cheapconv.methods.blockswap_at import fisher, fisher_potential
from cheapconv.methods.parts.block_search import Option, candidates, mixed, options
from cheapconv.models.build import build_network
from cheapconv.models.size import count_params
from tests.methods.inputs import STUDENT_MAP, TEACHER_MAP
from tests.methods.world import CPU, STUDENT, World, batch

CONTEXT = Context(lambda: iter([batch()]), CPU, 0)
SMALL = {"candidates": 6, "keep": 0.5, "tolerance": 0.05}


def test_the_potential_of_one_layer() -> None:
    assert fisher(STUDENT_MAP, 0.01 * TEACHER_MAP[:, :3]).item() == pytest.approx(0.00742197, abs=6e-9)


@pytest.mark.usefixtures("world")
def test_the_potential_of_a_network_is_that_of_its_branches() -> None:
    torch.manual_seed(0)
    network = build_network(STUDENT, "standard", 10).train()
    x, y = batch().x, batch().y
    found, o, outputs = 0.0, network.stem(x), []
    for [block] in network.stage_modules:
        a = block.norm(o)
        path = block.path(a)
        outputs.append(path)
        o = path + (o if block.shortcut is None else block.shortcut(a))
    loss = torch.nn.functional.cross_entropy(network.head(o), y)
    for output, g in zip(outputs, torch.autograd.grad(loss, outputs), strict=True):
        a = output.detach()
        for c in range(a.shape[1]):
            found += sum(float((a[b, c] * g[b, c]).sum()) ** 2 for b in range(len(x))) / (2 * len(x))
    assert fisher_potential(network, x, y) == pytest.approx(found, rel=1e-4)


def test_candidates_keep_the_budget_and_their_cost_adds_up(world: World) -> None:
    build = world.method("blockswap_at", **SMALL)._build
    whole = build.cost("params", conv="standard")
    table = options(build, ("standard", "G(N)", "B(2)", "G(4)"), "params")
    assert [len(block) for block in table] == [4, 4, 4]
    torch.manual_seed(0)
    for conv in itertools.islice(candidates(table, whole, 0.5 * whole, 0.1), 5):
        assert count_params(build_network(STUDENT, conv, 10)) == pytest.approx(0.5 * whole, rel=0.1)


def test_a_budget_that_no_mixture_meets_is_said() -> None:
    table = [[Option("standard", 100), Option("G(4)", 60)]] * 2
    with pytest.raises(ValueError, match=r"none is within .* this pool allows 20 to 100"):
        next(candidates(table, 100, 10, 0.01))


def test_a_budget_between_two_mixtures_is_met_from_below() -> None:
    table = [[Option("standard", 100), Option("G(4)", 60)]] * 2
    assert [*candidates(table, 100, 70, 0.01)] in (["mixed('standard', 'G(4)')"], ["mixed('G(4)', 'standard')"])


def test_a_draw_that_there_cannot_be_is_refused(world: World) -> None:
    with pytest.raises(UserError, match="draw 6 is not among 6 candidates"):
        world.method("random_at", draw=6, **SMALL)
    with pytest.raises(ValueError, match="draw 5 is not among the 1 networks of the pool"):
        world.method("random_at", draw=5, pool=("G(4)",), **SMALL).foresee()


def test_the_winner_has_the_greatest_potential(world: World) -> None:
    method = world.method("blockswap_at", **SMALL)
    drawn = [mixed([conv] * 3) for conv in ("standard", "G(N)", "B(2)")]
    conv, winner = method.choose(drawn, batch())
    build = world.method("blockswap_at", **SMALL)._build  # the same seeds from the same network on
    scores = {text: fisher_potential(build.network(conv=text).train(), batch().x, batch().y) for text in drawn}
    assert conv == max(scores, key=scores.get)
    assert sum(p.numel() for p in winner.parameters()) == count_params(build_network(STUDENT, conv, 10))


@pytest.mark.parametrize("name", ["blockswap_at", "random_at"])
def test_the_found_conv_is_told_and_survives_a_resume(world: World, name: str) -> None:
    method = world.method(name, **SMALL)
    [phase] = method.phases()
    torch.manual_seed(0)
    phase.begin(CONTEXT)
    [trained] = method.networks()
    assert trained.conv.startswith("mixed(")
    assert trained.structure is None  # the text says it all
    again = world.method(name, **SMALL)
    again.restructure(json.loads(json.dumps(method.structure())))
    again.load_state_dict(method.state_dict())
    torch.testing.assert_close(again.eval().student(batch().x), method.eval().student(batch().x))


def test_draws_are_different_networks(world: World) -> None:
    found = set()
    for draw in range(2):
        method = world.method("random_at", draw=draw, **SMALL)
        torch.manual_seed(0)
        method.phases()[0].begin(CONTEXT)
        found.add(method.networks()[0].conv)
    assert len(found) == 2
    method = world.method("random_at", draw=5, **(SMALL | {"pool": ("standard", "G(N)"), "tolerance": 0.01}))
    with pytest.raises(ValueError, match="raise candidates"):
        method.phases()[0].begin(CONTEXT)
