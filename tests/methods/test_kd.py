"""Distillation of logits: the three published forms, the weights, and the frozen teacher."""

import dataclasses

import pytest
import torch

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.methods.kd import soft_target_loss
from cheapconv.methods.losses import kl
from tests.methods.fixed import BATCH, Fixed, fixed_method, total
from tests.methods.inputs import STUDENT, TEACHER
from tests.methods.world import World, batch, data


@pytest.mark.parametrize(
    ("form", "expected"),
    [("batchmean", 2.23882283), ("moonshine_code", 0.95836359), ("moonshine_paper", 47.02413974)],
)
def test_the_loss_in_every_form(form: str, expected: float) -> None:
    terms = fixed_method("kd", [Fixed(STUDENT)], Fixed(TEACHER), form=form).losses(BATCH)
    assert list(terms) == ["ce", "kd"]
    assert terms["ce"].item() == pytest.approx(0.1 * 1.04724098, abs=1e-9)
    assert total(terms).item() == pytest.approx(expected, abs=6e-9)


def test_the_forms_differ_by_classes_and_by_a_factor_of_two() -> None:
    plain, code, paper = (
        soft_target_loss(STUDENT, TEACHER, 4.0, form) for form in ("batchmean", "moonshine_code", "moonshine_paper")
    )
    assert (plain / code).item() == pytest.approx(5 / 2)
    p = torch.softmax(TEACHER / 4, dim=1)
    entropy = -(p * p.log()).sum(dim=1).mean()
    torch.testing.assert_close(paper, 2 * plain + 2 * 16 * entropy)


def test_soft_cross_entropy_has_the_gradient_of_kl() -> None:
    student = STUDENT.clone().requires_grad_()
    gradients = [
        torch.autograd.grad(soft_target_loss(student, TEACHER, 4.0, form), student)[0]
        for form in ("batchmean", "moonshine_paper")
    ]
    torch.testing.assert_close(2 * gradients[0], gradients[1])


def test_function_matching_sees_the_same_mixed_strong_images_and_no_label(world: World) -> None:
    """Beyer et al., CVPR 2022, arXiv:2106.05237, section 2: KL alone, of one and the same augmented, mixed view."""
    recipe = catalog.parse("suite", "digits").recipes["short"].override(batch=8, views=("strong",), mixup=1.0)
    mixed, plain = next(data().train(recipe, 0, 0)), batch()
    assert torch.equal(mixed.index, plain.index)
    assert not torch.equal(mixed.x, plain.x)
    method = world.method("kd", ce_weight=0.0, kd_weight=1.0, temperature=1.0)
    seen: list[torch.Tensor] = []
    teacher, student = method.teacher, method.student
    method.teacher = lambda x: seen.append(x) or teacher(x)
    student.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    found = total(method.losses(mixed))
    assert [x is mixed.x for x in seen] == [True, True]
    other = dataclasses.replace(mixed, y=mixed.y.flip(0))
    torch.testing.assert_close(total(method.losses(other)), found)
    torch.testing.assert_close(found, kl(student(mixed.x), teacher(mixed.x), 1.0))
    found.backward()
    assert all(p.grad is not None for p in student.parameters())
    assert not any(p.requires_grad for p in teacher.network.parameters())


def test_without_weight_the_teacher_does_not_matter(world: World) -> None:
    alone, taught = world.method("scratch"), world.method("kd", kd_weight=0.0, ce_weight=0.5)
    ce, total_loss = alone.losses(batch())["ce"], total(taught.losses(batch()))
    assert total_loss.item() == pytest.approx(0.5 * ce.item(), rel=1e-6)
    ce.backward()
    total_loss.backward()
    for a, b in zip(alone.parameters(), taught.parameters(), strict=True):
        torch.testing.assert_close(b.grad, 0.5 * a.grad)


def test_labels_are_compared_with_logits_that_are_not_softened() -> None:
    hot, cold = (
        fixed_method("kd", [Fixed(STUDENT)], Fixed(TEACHER), temperature=t).losses(BATCH)["ce"] for t in (4.0, 1.0)
    )
    assert torch.equal(hot, cold)


def test_the_teacher_looks_at_each_image_alone(world: World) -> None:
    method = world.method("kd").train()
    x = batch().x
    whole = method.teacher(x)  # with batch statistics, an image's logits would depend on its company
    torch.testing.assert_close(method.teacher(x[:2]), whole[:2])
    assert not whole.requires_grad


def test_only_the_student_is_trained(world: World) -> None:
    method = world.method("kd")
    assert {name.split(".")[0] for name in method.state_dict()} == {"student"}
    [trained] = method.networks()
    assert (trained.name, trained.role, trained.headline) == ("student", "student", True)
    assert trained.network is method.student


@pytest.mark.parametrize("temperature", [0, -1.0])
def test_a_temperature_that_divides_by_nothing_is_refused(temperature: float) -> None:
    catalog.load()
    with pytest.raises(UserError, match=f"method 'kd': temperature must be greater than 0, not {temperature}"):
        catalog.build("method", "kd", {"temperature": temperature})
