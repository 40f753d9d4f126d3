"""Multistructure collaborative online distillation, as interpreted: when it distils, how firmly, and from what."""

import pytest
import torch
from torch import Tensor

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.methods.base import Method
from cheapconv.methods.losses import cross_entropy, kl
from cheapconv.methods.mcod import mean_probabilities
from tests.methods.fixed import BATCH, Fixed, fixed_method, total
from tests.methods.inputs import LABELS, STUDENT, TEACHER, THIRD
from tests.methods.online import gradients, leaves
from tests.methods.world import World, batch

ALL = [STUDENT, TEACHER, THIRD]
MEAN = torch.stack(ALL).mean(0)


def fixed_mcod(*logits: Tensor, epochs: int = 300, **settings: object) -> Method:
    """The method on networks of given logits, two of them partners, in a training of `epochs`."""
    method = fixed_method("mcod", [Fixed(z) for z in logits], partners=["ResNet-8"] * (len(logits) - 1), **settings)
    method._epochs = epochs
    return method


def weights(epochs: int, **settings: object) -> list[float]:
    """The weight of distillation in every epoch, as seen in the middle of it."""
    method = fixed_mcod(*ALL, epochs=epochs, **settings)
    found = []
    for epoch in range(epochs):
        method.clock.epoch.fill_(epoch + 0.5)
        found.append(method._weight().item())
    return found


def test_the_loss_when_all_is_active() -> None:
    expected = sum(cross_entropy(z, LABELS).item() for z in ALL)
    p = (MEAN / 3).softmax(1)
    expected += 9 * sum((p * (p / (z / 3).softmax(1)).log()).sum().item() / 4 for z in ALL)
    loss = total(fixed_mcod(*ALL, schedule="fixed").losses(BATCH))
    assert loss.item() == pytest.approx(expected, abs=1e-9)


def test_active_epochs_of_300() -> None:
    found = weights(300)
    stages = [found[i : i + 75] for i in range(0, 300, 75)]
    assert [sum(w > 0 for w in stage) for stage in stages] == [18, 25, 37, 75]
    assert [set(stage) - {0.0} for stage in stages] == [{0.25}, {0.5}, {0.75}, {1.0}]
    assert [e for e, w in enumerate(found[:12]) if w] == [3, 7, 11]  # the epochs before are plain training


@pytest.mark.parametrize(
    ("schedule", "active", "levels"),
    [
        ("both", 155, {0.25, 0.5, 0.75, 1.0}),
        ("fixed", 300, {1.0}),
        ("discontinuous_only", 155, {1.0}),
        ("progressive_only", 300, {0.25, 0.5, 0.75, 1.0}),
    ],
)
def test_ablations(schedule: str, active: int, levels: set[float]) -> None:
    found = weights(300, schedule=schedule)
    assert sum(w > 0 for w in found) == active
    assert set(found) - {0.0} == levels


@pytest.mark.parametrize("epochs", [1, 2, 3, 5, 8, 30])
def test_short_runs_distil_too(epochs: int) -> None:
    assert weights(epochs)[-1] == 1


def test_iterations_can_be_the_unit(world: World) -> None:
    method = world.method("mcod", unit="iteration")
    found = []
    for _ in range(8):
        found.append(method._weight().item())
        method.after_update()
    assert found == [0, 0, 0, 0.25, 0, 0, 0, 0.25]
    assert method.state_dict()["steps"] == 8  # a resumed run goes on counting


def test_a_skipped_epoch_is_plain_training(world: World) -> None:
    method = world.method("mcod")
    assert method._weight() == 0
    reached = gradients(method, method.losses(batch())["kd"])
    assert all(g.abs().sum() == 0 for g in reached.values())


@pytest.mark.parametrize("ensemble", ["mean_logits", "mean_probs", "gated"])
def test_the_target_is_detached(ensemble: str) -> None:
    first, second = leaves(STUDENT, TEACHER)
    torch.manual_seed(0)
    method = fixed_mcod(first, second, schedule="fixed", ensemble=ensemble)
    if ensemble == "gated":
        method.ensemble.gate.double()
    target = method.ensemble(None).detach()
    found = torch.autograd.grad(method.losses(BATCH)["kd"], first)[0]
    torch.testing.assert_close(found, torch.autograd.grad(9 * kl(first, target, 3.0), first)[0])


def test_mean_probabilities_are_those_of_the_temperature() -> None:
    logits = mean_probabilities(torch.stack(ALL), 3.0)
    expected = sum((z / 3).softmax(1) for z in ALL) / 3
    torch.testing.assert_close((logits / 3).softmax(1), expected)
    assert mean_probabilities(torch.stack(ALL).bfloat16(), 3.0).dtype == torch.float32


def test_mean_probabilities_do_not_care_how_large_a_sure_network_s_logits_are() -> None:
    sure = [torch.stack([scale * torch.nn.functional.one_hot(LABELS, 5), TEACHER]) for scale in (50, 500)]
    torch.testing.assert_close(*((mean_probabilities(z, 3.0) / 3).softmax(1) for z in sure), atol=1e-6, rtol=0)


def test_labels_train_the_gate(world: World) -> None:
    method = world.method("mcod", ensemble="gated")
    terms = method.losses(batch())
    gate = {name for name, _ in method.named_parameters() if ".gate." in name}
    assert gate
    assert gate <= gradients(method, terms["ensemble_ce"]).keys()
    assert "ensemble_ce" not in world.method("mcod").losses(batch())


def test_the_cell_s_network_counts_and_partners_do_not(world: World) -> None:
    partners = [{"architecture": "ResNet-8", "conv": "standard"}, {"architecture": "WRN-10-2", "conv": "G(N/8)"}]
    trained = world.method("mcod", partners=partners, conv="G(4)").networks()
    assert [(t.name, t.headline, t.conv) for t in trained] == [
        ("student_0", True, None),
        ("partner_0", False, "standard"),
        ("partner_1", False, "group(group_width=8)"),
        ("ensemble", False, None),
    ]


def test_each_member_may_have_its_weight_decay(world: World) -> None:
    method = world.method("mcod", weight_decays=[5e-4, 1e-4], ensemble="gated")
    groups = method.param_groups()
    assert [group.get("weight_decay") for group in groups] == [5e-4, 1e-4, None]
    sizes = [sum(p.numel() for p in n.parameters()) for n in method.ensemble.members.networks]
    assert [sum(p.numel() for p in group["params"]) for group in groups[:2]] == sizes
    assert sum(len(group["params"]) for group in groups) == len([*method.parameters()])
    assert len(world.method("mcod").param_groups()) == 1


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"partners": []}, "partners: .* should have at least 1 item .*, not 0"),
        ({"weight_decays": [1e-4]}, "weight_decays has 1 numbers for 2 members"),
        ({"weight_decays": [1e-4, -1]}, r"weight_decays\.1 must be greater than or equal to 0, not -1"),
        ({"ensemble": "best"}, "ensemble must be .*, not 'best'"),
    ],
)
def test_wrong_settings_are_refused(settings: dict, sentence: str) -> None:
    catalog.load()
    with pytest.raises(UserError, match=sentence):
        catalog.build("method", "mcod", settings)


def test_it_says_that_it_is_an_interpretation() -> None:
    entry = catalog.entry("method", "mcod")
    assert "interpretation" in entry.summary
    assert "interpretation" in entry.paper
