"""Deep mutual learning: the loss of each network, what is detached, and the paper's way of taking turns."""

import copy

import pytest
import torch
from torch import Tensor

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.methods.base import Method
from cheapconv.methods.dml import predict
from cheapconv.methods.losses import kl
from tests.methods.fixed import BATCH, Fixed, fixed_method, total
from tests.methods.inputs import LABELS, STUDENT, TEACHER, THIRD
from tests.methods.online import leaves
from tests.methods.world import World, batch

PAIR = [2.25101281, 4.95646388]
TRIPLE = [2.31941113, 5.00674099]  # of the first two networks


def fixed_dml(*logits: Tensor, **settings: object) -> Method:
    return fixed_method("dml", [Fixed(z) for z in logits], peers=len(logits), **settings)


@pytest.mark.parametrize(("logits", "expected"), [((STUDENT, TEACHER), PAIR), ((STUDENT, TEACHER, THIRD), TRIPLE)])
def test_the_loss_of_each_network_in_its_turn(logits: tuple, expected: list[float]) -> None:
    method = fixed_dml(*logits, update="sequential")
    assert method.updates_per_batch == len(logits)
    for update, loss in enumerate(expected):
        assert total(method.losses(BATCH, update)).item() == pytest.approx(loss, abs=6e-9)


def test_at_once_it_is_the_sum_of_all() -> None:
    method = fixed_dml(STUDENT, TEACHER)
    assert method.updates_per_batch == 1
    assert total(method.losses(BATCH)).item() == pytest.approx(sum(PAIR), abs=6e-9)


def test_the_loss_written_out() -> None:
    """The equation with a loop for every sum."""
    logits, temperature = [STUDENT, TEACHER, THIRD], 2.0
    expected = 0.0
    for k in range(3):
        expected -= sum(logits[k][b].softmax(0)[LABELS[b]].log().item() for b in range(4)) / 4
        for j in {0, 1, 2} - {k}:
            for b in range(4):
                p, q = (logits[i][b].div(temperature).softmax(0) for i in (j, k))
                expected += temperature**2 / 2 / 4 * sum((p[c] * (p[c] / q[c]).log()).item() for c in range(5))
    loss = total(fixed_dml(*logits, temperature=temperature).losses(BATCH))
    assert loss.item() == pytest.approx(expected, abs=1e-9)


def test_targets_are_constants() -> None:
    first, second = leaves(STUDENT, TEACHER)
    found = torch.autograd.grad(fixed_dml(first, second).losses(BATCH)["kd"], [first, second])
    alone = [
        torch.autograd.grad(kl(first, TEACHER, 1.0), first)[0],
        torch.autograd.grad(kl(second, STUDENT, 1.0), second)[0],
    ]
    torch.testing.assert_close([*found], alone)


@pytest.mark.parametrize("update", ["simultaneous", "sequential"])
def test_classes_that_nobody_believes_in_change_nothing(update: str) -> None:
    wider = [torch.cat([z, torch.full((4, 95), -1e3, dtype=z.dtype)], dim=1) for z in (STUDENT, TEACHER)]
    narrow, wide = (total(fixed_dml(*z, update=update).losses(BATCH)) for z in ((STUDENT, TEACHER), wider))
    torch.testing.assert_close(narrow, wide)


def test_a_turn_moves_one_network_against_the_newest_of_the_others(world: World) -> None:
    """Two turns by the trainer's steps, and the same by hand: first the one network, then the other against it."""
    method = world.method("dml", update="sequential")
    expected = copy.deepcopy(method)
    optimiser = torch.optim.SGD(method.param_groups(), lr=0.1, momentum=0.9, weight_decay=5e-4)
    for update in range(2):
        optimiser.zero_grad(set_to_none=True)
        total(method.losses(batch(), update)).backward()
        optimiser.step()

    networks = expected.peers.networks
    for learner, other in ((0, 1), (1, 0)):
        own = torch.optim.SGD(networks[learner].parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
        target = copy.deepcopy(networks[other])(batch().x).detach()
        z = networks[learner](batch().x)
        (torch.nn.functional.cross_entropy(z, batch().y) + kl(z, target, 1.0)).backward()
        own.step()
    for a, b in zip(method.parameters(), expected.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_the_waiting_networks_get_no_gradient(world: World) -> None:
    method = world.method("dml", peers=3, update="sequential")
    total(method.losses(batch(), 1)).backward()
    has = [any(p.grad is not None for p in n.parameters()) for n in method.peers.networks]
    assert has == [False, True, False]


@pytest.mark.parametrize("update", ["simultaneous", "sequential"])
def test_statistics_move_once_a_batch(world: World, update: str) -> None:
    method = world.method("dml", update=update)
    for turn in range(method.updates_per_batch):
        method.losses(batch(), turn)
    counts = [b for name, b in method.named_buffers() if name.endswith("num_batches_tracked")]
    assert {int(count) for count in counts} == {1}


def test_a_prediction_is_that_of_training_without_its_traces(world: World) -> None:
    network = world.method("scratch").student.train()
    before = copy.deepcopy(network.state_dict())
    logits = predict(network, batch().x)
    assert not logits.requires_grad
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    torch.testing.assert_close(logits, network(batch().x).detach())


def test_every_peer_counts_and_partners_do_not(world: World) -> None:
    method = world.method("dml", partners=["ResNet-8", {"architecture": "WRN-10-2", "conv": "G(4)"}])
    found = [(t.name, t.role, t.headline, t.architecture, t.conv) for t in method.networks()]
    assert found == [
        ("student_0", "student", True, None, None),
        ("student_1", "student", True, None, None),
        ("partner_0", "student", False, "resnet(depth=8)", None),
        ("partner_1", "student", False, "wrn(depth=10, width=2)", "group(groups=4)"),
        ("ensemble", "ensemble", False, None, None),
    ]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"peers": 1}, "peers and partners together must be at least 2, not 1"),
        ({"peers": 0, "partners": ["ResNet-8"]}, "peers must be greater than or equal to 1, not 0"),
        ({"temperature": 0}, "temperature must be greater than 0, not 0"),
        ({"update": "joint"}, "update must be 'simultaneous' or 'sequential', not 'joint'"),
        ({"partners": ["ResNet8"]}, "ResNet8"),
    ],
)
def test_wrong_settings_are_refused(settings: dict, sentence: str) -> None:
    catalog.load()
    with pytest.raises(UserError, match=sentence):
        catalog.build("method", "dml", settings)


def test_one_peer_and_a_partner_are_a_pair(world: World) -> None:
    method = world.method("dml", peers=1, partners=["ResNet-8"])
    assert [t.name for t in method.networks() if t.headline] == ["student_0"]
    assert total(method.losses(batch())).isfinite()
