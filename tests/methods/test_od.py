"""Online distillation: the loss, and the ways that gradients take between students and the teacher made of them."""

import pytest
import torch
from torch import Tensor, nn

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.methods.base import Method
from cheapconv.methods.losses import kl
from cheapconv.methods.od import OnlineTeacher
from tests.methods.fixed import BATCH, Answer, Fixed, fixed_method, total
from tests.methods.inputs import STUDENT, TEACHER, THIRD
from tests.methods.world import World, batch

CE = {"teacher": 3.08477976, "student": 1.04724098, "third": 3.33434616}


def fixed_od(teacher: Tensor = TEACHER, **settings: object) -> Method:
    """The method with two students and an online teacher of given logits."""
    method = fixed_method("od", [Fixed(STUDENT), Fixed(THIRD)], students=2, **settings)
    method.teacher = Answer(teacher)
    return method


def gradients(method: Method, term: Tensor) -> dict[str, Tensor]:
    """Gradient of a term by parameter, of those that it reaches."""
    names, parameters = zip(*method.named_parameters(), strict=True)
    found = torch.autograd.grad(term, parameters, allow_unused=True, retain_graph=True)
    return {name: g for name, g in zip(names, found, strict=True) if g is not None}


def test_the_loss_as_released() -> None:
    terms = fixed_od(form="code").losses(BATCH)
    assert terms["teacher_ce"].item() == pytest.approx(CE["teacher"], abs=6e-9)
    assert terms["ce"].item() == pytest.approx(CE["student"] + CE["third"], abs=6e-9)
    assert total(terms).item() == pytest.approx(8.72671778, abs=6e-9)


def test_the_corrected_form_averages_over_samples_only() -> None:
    corrected, code = (fixed_od(form=form).losses(BATCH)["kd"] for form in ("corrected", "code"))
    assert (corrected / code).item() == pytest.approx(5)
    torch.testing.assert_close(corrected, 16 * (kl(STUDENT, TEACHER, 4.0) + kl(THIRD, TEACHER, 4.0)))


@pytest.mark.parametrize(("detached", "expected"), [(False, 1.81081300), (True, 1.35929360)])
def test_the_gradient_on_the_teacher_s_logits(detached: bool, expected: float) -> None:
    teacher = TEACHER.clone().requires_grad_()
    loss = total(fixed_od(teacher, form="code", detach_teacher=detached).losses(BATCH))
    (gradient,) = torch.autograd.grad(loss, teacher)
    assert gradient.abs().sum().item() == pytest.approx(expected, abs=6e-9)


def test_the_symmetric_term_teaches_the_teacher_alone() -> None:
    plain, both = fixed_od(od_mutual="code"), fixed_od(od_mutual="symmetric")
    leaves = [logits.clone().requires_grad_() for logits in (STUDENT, THIRD, TEACHER)]
    for method in (plain, both):
        method.students[0].logits, method.students[1].logits, method.teacher.logits = leaves
    one_way, two_ways = plain.losses(BATCH)["kd"], both.losses(BATCH)["kd"]
    back = 16 * (kl(TEACHER, STUDENT, 4.0) + kl(TEACHER, THIRD, 4.0))
    torch.testing.assert_close(two_ways - one_way, back)
    before, after = torch.autograd.grad(one_way, leaves), torch.autograd.grad(two_ways, leaves)
    torch.testing.assert_close(before[:2], after[:2])
    assert (before[2] - after[2]).abs().sum() > 1e-3


def test_distillation_reaches_the_teacher_unless_it_is_detached(world: World) -> None:
    open_, closed = (world.method("od", students=2, detach_teacher=d) for d in (False, True))
    head = {f"teacher.{name}" for name, _ in open_.teacher.named_parameters()}
    reached = gradients(open_, open_.losses(batch())["kd"])
    assert head <= reached.keys()
    assert all(reached[name].abs().sum() > 0 for name in head)
    assert not head & gradients(closed, closed.losses(batch())["kd"]).keys()


def test_detached_the_teacher_learns_from_labels_only(world: World) -> None:
    method = world.method("od", students=2, detach_teacher=True)
    terms = method.losses(batch())
    everything, labels = gradients(method, total(terms)), gradients(method, terms["teacher_ce"])
    for name, _ in method.teacher.named_parameters():
        torch.testing.assert_close(everything[f"teacher.{name}"], labels[f"teacher.{name}"])


def test_the_teacher_s_error_reaches_every_student(world: World) -> None:
    method = world.method("od", students=3)
    reached = gradients(method, method.losses(batch())["teacher_ce"])
    for i, student in enumerate(method.students):
        for name, _ in student.stage_modules.named_parameters():
            assert reached[f"students.{i}.stage_modules.{name}"].abs().sum() > 0, (i, name)


def test_a_student_learns_from_another_through_the_teacher(world: World) -> None:
    """With the first student's own way barred, distillation of the second still moves its maps, unless detached."""
    for detached in (False, True):
        method = world.method("od", students=2, detach_teacher=detached)
        method.students[0].classify = lambda e: torch.zeros(len(e), 10)
        reached = gradients(method, method.losses(batch())["kd"])
        assert any(name.startswith("students.0.stage_modules") for name in reached) is not detached


@pytest.mark.parametrize(
    ("students", "classes", "head", "size"),
    [
        (4, 10, "bn_relu", 3_082),  # 256 * 10 + 10, and 2 * 256 of the BN
        (4, 100, "bn_relu", 26_212),
        (4, 10, "plain", 2_570),
        (1, 10, "bn_relu", 778),
    ],
)
def test_size_of_the_teacher_s_head(world: World, students: int, classes: int, head: str, size: int) -> None:
    method = world.method("od", classes=classes, students=students, od_head=head)
    assert sum(p.numel() for p in method.teacher.parameters()) == size
    terms = method.losses(batch())
    assert all(t.isfinite() for t in terms.values())


def test_the_head_activates_before_it_pools() -> None:
    torch.manual_seed(0)
    maps = [torch.randn(6, 3, 4, 4), torch.randn(6, 5, 4, 4)]
    head = OnlineTeacher(8, 10, "bn_relu")
    z = torch.cat(maps, dim=1)
    mean, var = z.mean(dim=(0, 2, 3), keepdim=True), z.var(dim=(0, 2, 3), keepdim=True, correction=0)
    active = ((z - mean) / (var + 1e-5).sqrt()).relu()
    torch.testing.assert_close(head(maps), head.classifier(active.mean(dim=(2, 3))))


def test_the_plain_head_is_pooling_and_a_linear_layer() -> None:
    torch.manual_seed(0)
    maps = [torch.randn(6, 3, 4, 4), torch.randn(6, 5, 4, 4)]
    head = OnlineTeacher(8, 10, "plain")
    assert not any(isinstance(m, nn.BatchNorm2d) for m in head.modules())
    torch.testing.assert_close(head(maps), head.classifier(torch.cat(maps, dim=1).mean(dim=(2, 3))))


def test_one_forward_a_student_and_step(world: World) -> None:
    method, calls = world.method("od", students=3), []
    for i, student in enumerate(method.students):
        student.stem.register_forward_hook(lambda *_, i=i: calls.append(i))
    method.losses(batch())
    assert calls == [0, 1, 2]


def test_students_count_and_the_ensemble_does_not(world: World) -> None:
    method = world.method("od")
    trained = method.networks()
    assert [t.name for t in trained] == ["student_0", "student_1", "student_2", "student_3", "ensemble"]
    assert [t.headline for t in trained] == [True] * 4 + [False]
    assert [t.role for t in trained] == ["student"] * 4 + ["ensemble"]
    assert [t.network for t in trained[:4]] == list(method.students)


def test_the_ensemble_is_the_online_teacher(world: World) -> None:
    method = world.method("od", students=2).eval()
    ensemble, x = method.networks()[-1].network, batch().x
    expected = method.teacher([student.stages(x)[-1] for student in method.students])
    assert torch.equal(ensemble(x), expected)
    assert {id(p) for p in ensemble.parameters()} == {id(p) for p in method.parameters()}


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"students": 0}, "students must be greater than or equal to 1, not 0"),
        ({"temperature": 0}, "temperature must be greater than 0, not 0"),
        ({"form": "mean"}, "form must be 'corrected' or 'code', not 'mean'"),
        ({"student": 2}, "no parameter 'student'; did you mean students"),
    ],
)
def test_wrong_settings_are_refused(settings: dict, sentence: str) -> None:
    catalog.load()
    with pytest.raises(UserError, match=sentence):
        catalog.build("method", "od", settings)
