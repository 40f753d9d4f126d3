"""Attention transfer: its two forms, the rule for beta, and distillation of the logits beside it."""

import pytest
import torch
from torch import Tensor

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.methods.base import Method
from cheapconv.methods.kd import soft_target_loss
from tests.methods.fixed import BATCH, Fixed, fixed_method, total
from tests.methods.inputs import STUDENT, STUDENT_MAP, TEACHER, TEACHER_MAP
from tests.methods.world import World, batch

SQUARED, NORM, CE = 0.00330040, 0.22882048, 1.04724098


def attending(taps: int, **settings: object) -> Method:
    """The method on networks with the same map at `taps` stages."""
    student, teacher = Fixed(STUDENT, [STUDENT_MAP] * taps), Fixed(TEACHER, [TEACHER_MAP] * taps)
    return fixed_method("at", [student], teacher, **settings)


@pytest.mark.parametrize(("form", "distance"), [("code", SQUARED), ("paper", NORM)])
def test_the_loss_in_every_form(form: str, distance: float) -> None:
    terms = attending(3, form=form, beta=10.0).losses(BATCH)
    assert list(terms) == ["ce", "at"]
    assert terms["at"].item() == pytest.approx(10 * 3 * distance, abs=30 * 6e-9)
    assert total(terms).item() == pytest.approx(CE + 30 * distance, abs=30 * 6e-9)


@pytest.mark.parametrize(("taps", "beta"), [(1, 3000), (3, 1000), (4, 750), (5, 600)])
def test_beta_is_quoted_for_three_taps(taps: int, beta: float) -> None:
    method = attending(taps)
    assert method.beta == beta
    assert method.losses(BATCH)["at"].item() == pytest.approx(3000 * SQUARED, abs=3000 * 6e-9)


def test_the_last_stages_alone_are_paired_where_numbers_of_stages_differ() -> None:
    """A map that is not paired may be of any size: it is looked at by nobody."""
    other = torch.full((2, 1, 9, 9), 7.0)
    student, teacher = Fixed(STUDENT, [STUDENT_MAP] * 2), Fixed(TEACHER, [other, TEACHER_MAP, TEACHER_MAP])
    method = fixed_method("at", [student], teacher, last=2)
    assert method.beta == 1500
    assert method.losses(BATCH)["at"].item() == pytest.approx(3000 * SQUARED, abs=3000 * 6e-9)
    assert fixed_method("at", [student], teacher, last=1).losses(BATCH)["at"].item() == pytest.approx(
        3000 * SQUARED, abs=3000 * 6e-9
    )


def test_no_more_stages_are_paired_than_there_are() -> None:
    student, teacher = Fixed(STUDENT, [STUDENT_MAP] * 2), Fixed(TEACHER, [TEACHER_MAP] * 3)
    with pytest.raises(ValueError, match="no last 3 stages where student and teacher have 2 and 3"):
        fixed_method("at", [student], teacher, last=3)


def test_beta_is_left_alone_on_request() -> None:
    assert attending(5, scale_taps=False).beta == 1000
    assert attending(5, scale_taps=False).losses(BATCH)["at"] == pytest.approx(5000 * SQUARED, abs=5000 * 6e-9)


def test_without_beta_only_labels_are_left(world: World) -> None:
    alone, taught = world.method("scratch").losses(batch()), world.method("at", beta=0.0).losses(batch())
    torch.testing.assert_close(total(taught), alone["ce"])
    assert taught["at"] == 0


def test_logits_can_be_distilled_beside_the_maps() -> None:
    terms = attending(3, kd_weight=0.9, temperature=2.0).losses(BATCH)
    assert list(terms) == ["ce", "at", "kd"]
    assert terms["ce"].item() == pytest.approx(CE, abs=6e-9)
    torch.testing.assert_close(terms["kd"], 0.9 * soft_target_loss(STUDENT, TEACHER, 2.0, "batchmean"))


def test_a_teacher_without_a_say_in_the_logits_is_not_asked() -> None:
    student, teacher = Fixed(STUDENT, [STUDENT_MAP]), Fixed(TEACHER, [TEACHER_MAP])
    fixed_method("at", [student], teacher).losses(BATCH)
    assert (student.heads, teacher.heads) == (1, 0)


def gradient_sizes(method: Method, term: Tensor) -> dict[str, float]:
    """Sum of absolute gradients of a term by parameter, 0 for those that it does not reach."""
    names, parameters = zip(*method.named_parameters(), strict=True)
    gradients = torch.autograd.grad(term, parameters, allow_unused=True)
    return {n: 0.0 if g is None else float(g.abs().sum()) for n, g in zip(names, gradients, strict=True)}


def test_maps_teach_every_stage_and_not_the_head(world: World) -> None:
    method = world.method("at")
    reached = {name for name, size in gradient_sizes(method, method.losses(batch())["at"]).items() if size}
    head = {name for name, _ in method.named_parameters() if name.split(".")[1] in ("neck", "classifier")}
    assert reached == {name for name, _ in method.named_parameters()} - head
    assert len(head) == 4  # the norm's scale and shift, the classifier's weight and bias


def test_taps_are_residual_sums_before_their_activation(world: World) -> None:
    method = world.method("at")
    for maps in (method.student.stages(batch().x), method.teacher.stages(batch().x)):
        assert all((m < 0).any() for m in maps)
    assert not any(m.requires_grad for m in method.teacher.stages(batch().x))


def test_student_and_teacher_need_as_many_stages() -> None:
    student, teacher = Fixed(STUDENT, [STUDENT_MAP] * 3), Fixed(TEACHER, [TEACHER_MAP] * 4)
    with pytest.raises(ValueError, match="at pairs the stages of student and teacher, but they have 3 and 4"):
        fixed_method("at", [student], teacher)


def test_a_temperature_that_divides_by_nothing_is_refused() -> None:
    catalog.load()
    with pytest.raises(UserError, match=r"method 'at': temperature must be greater than 0, not 0"):
        catalog.build("method", "at", {"temperature": 0})
