"""OKDDip: the loss, the attention that only distillation trains, and the leader."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d

from cheapconv.methods.base import Method
from cheapconv.methods.losses import cross_entropy
from cheapconv.methods.okddip import PeerAttention, individual_targets
from cheapconv.suites.base import Batch
from tests.methods.fixed import BATCH, total
from tests.methods.inputs import LABELS, STUDENT, TEACHER, THIRD
from tests.methods.online import ATTENTION, AnsweringGroup, PlainBuild, at_the_end, built, gradients, leaves
from tests.methods.world import World, batch


class GivenAttention(nn.Module):
    """Always `ATTENTION`."""

    def forward(self, features: Tensor) -> Tensor:
        return ATTENTION


def fixed_okddip(world: World, leader: Tensor, *peers: Tensor) -> Method:
    method = at_the_end(world.method("okddip", peers=len(peers)))
    method.group, method.attention = AnsweringGroup(leader, *peers), GivenAttention()
    return method


def test_the_loss(world: World) -> None:
    loss = total(fixed_okddip(world, THIRD, STUDENT, TEACHER).losses(BATCH))
    assert loss.item() == pytest.approx(10.84970912, abs=6e-9)


def test_the_loss_written_out(world: World) -> None:
    def kl3(target: Tensor, learner: Tensor) -> float:
        p, q = (target / 3).softmax(1), (learner / 3).softmax(1)
        return 9 * (p * (p / q).log()).sum().item() / 4

    peers = [STUDENT, TEACHER]
    expected = sum(cross_entropy(z, LABELS).item() for z in (THIRD, *peers)) + kl3((STUDENT + TEACHER) / 2, THIRD)
    for a, z in enumerate(peers):
        target = torch.stack([sum(ATTENTION[b, a, k] * peers[k][b] for k in range(2)) for b in range(4)])
        expected += kl3(target, z)
    assert total(fixed_okddip(world, THIRD, *peers).losses(BATCH)).item() == pytest.approx(expected, abs=1e-9)


def test_distillation_is_all_that_trains_the_attention(world: World) -> None:
    method = world.method("okddip")
    terms = method.losses(batch())
    attention = {"attention.query.weight", "attention.key.weight"}
    reached = gradients(method, terms["peer_kd"])
    assert attention <= reached.keys()
    assert all(reached[name].abs().sum() > 0 for name in attention)
    for name in ("ce", "leader_kd"):
        assert not attention & gradients(method, terms[name]).keys()


def test_targets_are_not_detached(world: World) -> None:
    """The leader's error moves the peers, and a peer's error the others."""
    leader, first, second = leaves(THIRD, STUDENT, TEACHER)
    method = fixed_okddip(world, leader, first, second)
    terms = method.losses(BATCH)
    to_peers = torch.autograd.grad(terms["leader_kd"], [first, second], retain_graph=True)
    assert all(g.abs().sum() > 1e-3 for g in to_peers)
    among_peers = torch.autograd.grad(terms["peer_kd"], first)[0]
    targets = individual_targets(ATTENTION, torch.stack([STUDENT, TEACHER], dim=1))
    p, q = (targets[:, 0] / 3).softmax(1), (STUDENT / 3).softmax(1)
    if_detached = 9 * (q - p) / 3 / 4
    assert not torch.allclose(among_peers, if_detached)
    assert torch.autograd.grad(method.losses(BATCH)["peer_kd"], leader, allow_unused=True) == (None,)


def test_the_leader_is_no_part_of_the_attention(world: World) -> None:
    method = world.method("okddip", structure="network")
    reached = gradients(method, method.losses(batch())["peer_kd"])
    assert not any(name.startswith("group.networks.0.") for name in reached)
    assert all(any(name.startswith(f"group.networks.{i}.") for name in reached) for i in (1, 2, 3))


def test_attention_includes_itself_and_has_no_scale() -> None:
    torch.manual_seed(0)
    attention, h = PeerAttention(16), torch.randn(5, 3, 16)
    assert attention.query.weight.shape == attention.key.weight.shape == (2, 16)
    for a in range(3):
        query, keys = attention.query(h[:, a]), [attention.key(h[:, b]) for b in range(3)]
        scores = torch.stack([(query * key).sum(1) for key in keys], dim=1)  # (B, m)
        torch.testing.assert_close(attention(h)[:, a], scores.softmax(dim=1))
    assert attention.query.bias is None


@pytest.mark.parametrize("structure", ["branch", "network"])
def test_the_leader_is_deployed(world: World, structure: str) -> None:
    method = world.method("okddip", structure=structure)
    found = [(t.name, t.role, t.headline) for t in method.networks()]
    assert found == [
        ("leader", "student", True),
        ("peer_0", "student", False),
        ("peer_1", "student", False),
        ("peer_2", "student", False),
        ("ensemble", "ensemble", False),
    ]
    shared = method.group.networks[0].stem is method.group.networks[3].stem
    assert shared is (structure == "branch")


def test_the_ensemble_is_that_of_the_peers(world: World) -> None:
    method = world.method("okddip", structure="network").eval()
    x = batch().x
    expected = sum(peer(x) for peer in method.group.networks[1:]) / 3
    torch.testing.assert_close(method.networks()[-1].network(x), expected)


def test_attention_sees_the_vector_that_the_classifier_sees() -> None:
    method = built("okddip", PlainBuild("mobilenet_v2_half"), structure="network")
    assert method.attention.query.weight.shape == (160, 1280)  # the last map has 160 channels


def test_attention_sees_the_pooled_vector_before_hidden_layers() -> None:
    """As in the released code for VGG-16-3FC, whose attention reads what its three linear layers read."""
    method = built("okddip", PlainBuild("vgg_5p(depth=8, hidden=2)"), structure="network").eval()
    seen: list[Tensor] = []
    method.attention.register_forward_hook(lambda _, inputs, output: seen.append(inputs[0]))
    x = torch.randn(2, 3, 32, 32)
    method.losses(Batch(x, torch.arange(2), torch.arange(2), (x,)))
    peers = method.group.networks[1:]
    pooled = [max_pool2d(peer.stages(x)[-1], 2).flatten(1) for peer in peers]  # 2 x 2 -> one pixel
    torch.testing.assert_close(seen[0], torch.stack(pooled, dim=1))
    torch.testing.assert_close(peers[0].classifier(peers[0].hidden(pooled[0])), peers[0](x))
