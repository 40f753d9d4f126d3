"""What all methods with a frozen teacher share: their terms, the teacher, the gradients, precision, the warm-up."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.engine.train.builder import Builder
from cheapconv.methods.base import Clock, Method
from cheapconv.methods.cc import consecutive_correlation, kernel_distance
from cheapconv.methods.crd import similarities
from cheapconv.methods.dist import inter_loss, intra_loss
from cheapconv.methods.dkd import non_target_loss, target_loss
from cheapconv.methods.fitnet import hint_loss
from cheapconv.methods.kd import soft_target_loss
from cheapconv.methods.kd_ls import standardise
from cheapconv.methods.losses import exact
from cheapconv.methods.parts.offline import look, map_shapes, warm_up
from cheapconv.methods.pkt import neighbour_divergence
from cheapconv.methods.reviewkd import hierarchical_distance
from cheapconv.methods.rkd import angle_loss, distance_loss
from cheapconv.methods.sp import similarity_distance
from cheapconv.methods.vid import gaussian_loss
from tests.methods.fixed import BATCH, total
from tests.methods.inputs import LABELS, STUDENT, STUDENT_MAP, TEACHER
from tests.methods.known import (
    OFFLINE,
    SAME_WIDTH_MAP,
    SAME_WIDTH_VECTOR,
    STUDENT_VECTOR,
    TEACHER_VECTOR,
    known_method,
    own_term,
)
from tests.methods.world import PLACE, World, batch, data

every_method = pytest.mark.parametrize("name", OFFLINE)
STAGES = {f"stage_modules.{i}" for i in range(3)} | {"stem"}
EVERYTHING = {*STAGES, "neck", "classifier"}


def test_all_are_here() -> None:
    assert set(OFFLINE) >= {"fitnet", "sp", "rkd", "pkt", "cc", "vid", "crd", "dkd", "kd_ls", "dist", "reviewkd"}


@every_method
def test_terms_are_labels_and_the_method_s_own(name: str) -> None:
    assert list(known_method(name).losses(BATCH)) == ["ce", name]


@every_method
def test_logits_can_be_distilled_as_well(name: str) -> None:
    method = known_method(name, ce_weight=0.5, kd_weight=0.9, temperature=3.0)
    terms = method.losses(BATCH)
    assert list(terms) == ["ce", name, "kd"]
    assert terms["ce"].item() == pytest.approx(0.5 * 1.04724098, abs=6e-9)
    torch.testing.assert_close(terms["kd"], 0.9 * soft_target_loss(STUDENT, TEACHER, 3.0, "batchmean"))


@every_method
def test_the_weight_multiplies_the_method_s_own_loss(name: str) -> None:
    torch.manual_seed(0)
    one, three = known_method(name, weight=1.0), known_method(name, weight=3.0)
    three.load_state_dict(one.state_dict())
    torch.manual_seed(0)
    single = own_term(one, BATCH)
    torch.manual_seed(0)
    torch.testing.assert_close(own_term(three, BATCH), 3 * single)


@every_method
def test_without_weight_only_labels_are_left(world: World, name: str) -> None:
    alone, taught = world.method("scratch"), world.method(name, weight=0.0, ce_weight=1.0)
    expected, found = alone.losses(batch())["ce"], total(taught.losses(batch()))
    torch.testing.assert_close(found, expected)
    expected.backward()
    found.backward()
    for a, b in zip(alone.student.parameters(), taught.student.parameters(), strict=True):
        torch.testing.assert_close(b.grad, a.grad)


@every_method
def test_the_teacher_is_seen_without_gradients_and_kept_out(world: World, name: str) -> None:
    method = world.method(name)
    _, teacher = method.see(batch().x)
    assert not any(t.requires_grad for t in [*teacher.maps, teacher.embedding, teacher.logits])
    assert isinstance(method.student, nn.Module)
    assert not any(part == "teacher" for key in method.state_dict() for part in key.split("."))


@every_method
def test_only_the_student_is_deployed(world: World, name: str) -> None:
    method = world.method(name)
    [trained] = method.networks()
    assert (trained.name, trained.role, trained.network) == ("student", "student", method.student)


@every_method
def test_the_student_starts_as_it_does_alone(world: World, name: str) -> None:
    alone, taught = world.method("scratch").student, world.method(name).student
    assert all(
        torch.equal(a, b) for a, b in zip(alone.state_dict().values(), taught.state_dict().values(), strict=True)
    )


@every_method
def test_a_temperature_that_divides_by_nothing_is_refused(name: str) -> None:
    with pytest.raises(UserError, match=f"method '{name}': temperature must be greater than 0, not 0"):
        catalog.build("method", name, {"temperature": 0})


def reached(method: Method, term: Tensor) -> set[str]:
    """Parts of the student, and of the method beside it, that have a gradient from a term."""
    names, parameters = zip(*method.named_parameters(), strict=True)
    gradients = torch.autograd.grad(term, parameters, allow_unused=True)
    found = {n for n, g in zip(names, gradients, strict=True) if g is not None and g.abs().sum() > 0}
    parts = {n.removeprefix("student.") for n in found}
    return {".".join(n.split(".")[: 2 if n.startswith("stage_modules") else 1]) for n in parts}


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("fitnet", {"stem", "stage_modules.0", "stage_modules.1", "regressor"}),
        ("sp", STAGES),
        ("rkd", {*STAGES, "neck"}),
        ("pkt", {*STAGES, "neck"}),
        ("cc", {*STAGES, "neck", "student_embedding", "teacher_embedding"}),
        ("vid", {*STAGES, "predictors"}),
        ("crd", {*STAGES, "neck", "student_embedding", "teacher_embedding"}),
        ("dkd", EVERYTHING),
        ("kd_ls", EVERYTHING),
        ("dist", EVERYTHING),
        ("reviewkd", {*STAGES, "neck", "fusions"}),
    ],
)
def test_what_a_method_s_own_loss_reaches(world: World, name: str, parts: set[str]) -> None:
    method = world.method(name)
    assert reached(method, own_term(method, batch())) == parts


PURE: list[tuple[str, Callable[..., Tensor], tuple[Tensor, ...]]] = [
    ("fitnet", hint_loss, (STUDENT_MAP, SAME_WIDTH_MAP)),
    ("sp", similarity_distance, (STUDENT_MAP, SAME_WIDTH_MAP)),
    ("rkd distance", distance_loss, (STUDENT_VECTOR, TEACHER_VECTOR)),
    ("rkd angle", angle_loss, (STUDENT_VECTOR, TEACHER_VECTOR)),
    ("pkt", neighbour_divergence, (STUDENT_VECTOR, TEACHER_VECTOR)),
    ("cc code", consecutive_correlation, (STUDENT_VECTOR, SAME_WIDTH_VECTOR)),
    ("cc paper", partial(kernel_distance, gamma=0.4, order=2), (STUDENT_VECTOR, TEACHER_VECTOR)),
    ("vid", gaussian_loss, (STUDENT_MAP, SAME_WIDTH_MAP, torch.ones(3))),
    ("crd", similarities, (STUDENT_VECTOR, SAME_WIDTH_VECTOR)),
    ("dkd target", partial(target_loss, temperature=4.0), (STUDENT, TEACHER, LABELS)),
    ("dkd non-target", partial(non_target_loss, temperature=4.0), (STUDENT, TEACHER, LABELS)),
    ("kd_ls", standardise, (STUDENT,)),
    ("dist inter", inter_loss, (STUDENT.softmax(1), TEACHER.softmax(1))),
    ("dist intra", intra_loss, (STUDENT.softmax(1), TEACHER.softmax(1))),
    ("reviewkd", hierarchical_distance, (STUDENT_MAP, SAME_WIDTH_MAP)),
]
every_loss = pytest.mark.parametrize(("loss", "inputs"), [p[1:] for p in PURE], ids=[p[0] for p in PURE])


def as_type(inputs: tuple[Tensor, ...], dtype: torch.dtype) -> list[Tensor]:
    return [x.to(dtype) if x.is_floating_point() else x for x in inputs]


@every_loss
def test_half_width_inputs_are_computed_in_float32(loss: Callable[..., Tensor], inputs: tuple[Tensor, ...]) -> None:
    half = as_type(inputs, torch.bfloat16)
    with torch.autocast("cpu", torch.bfloat16):
        found = loss(*half)
    assert found.dtype == torch.float32
    assert torch.equal(found, loss(*as_type(tuple(half), torch.float32)))


@pytest.mark.parametrize("loss", [hint_loss, similarity_distance, hierarchical_distance])
def test_squares_of_large_activations_stay_finite(loss: Callable[..., Tensor]) -> None:
    student, teacher = (1e3 * STUDENT_MAP).half(), (-1e3 * SAME_WIDTH_MAP).half()
    assert student.square().isinf().any()
    assert loss(student, teacher).isfinite()


@every_loss
def test_gradients_are_finite_and_reach_the_target_unless_it_is_detached(
    loss: Callable[..., Tensor], inputs: tuple[Tensor, ...]
) -> None:
    leaves = [x.detach().clone().requires_grad_(x.is_floating_point()) for x in inputs]
    loss(*leaves).square().sum().backward()
    for leaf in leaves:
        if leaf.requires_grad:
            assert leaf.grad is not None
            assert leaf.grad.isfinite().all()
            assert leaf.grad.abs().sum() > 0
    assert not loss(*inputs).requires_grad


NEEDS_DIFFERENT_SCALE = {"sp": 1 / 2, "pkt": 1 / 2}  # the papers' forms: rows scaled to one, then a mean over B^2
REPEATABLE = {"fitnet", "sp", "pkt", "cc paper", "vid", "dkd target", "dkd non-target", "dist inter", "dist intra"}


@pytest.mark.parametrize(
    ("name", "loss", "inputs"), [p for p in PURE if p[0] in REPEATABLE | {"reviewkd"}], ids=lambda p: str(p)[:12]
)
def test_a_batch_twice_as_large_does_not_change_the_weight(
    name: str, loss: Callable[..., Tensor], inputs: tuple[Tensor, ...]
) -> None:
    doubled = [torch.cat([x, x]) if len(x) == 4 else x for x in inputs]
    expected = NEEDS_DIFFERENT_SCALE.get(name, 1) * loss(*inputs)
    torch.testing.assert_close(loss(*doubled), expected, rtol=1e-5, atol=1e-9)


def test_the_decorator_turns_autocast_off_and_keeps_what_is_wide() -> None:
    @exact
    def product(a: Tensor, b: Tensor) -> Tensor:
        return a @ b

    with torch.autocast("cpu", torch.bfloat16):
        assert product(torch.ones(2, 2), torch.ones(2, 2)).dtype == torch.float32
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.bfloat16
    assert product(torch.ones(2, 2).double(), torch.ones(2, 2).double()).dtype == torch.float64


def clock_at(epoch: float) -> Clock:
    clock = Clock.start(torch.device("cpu"))
    clock.epoch.fill_(epoch)
    return clock


@pytest.mark.parametrize(
    ("epoch", "epochs", "expected"),
    [
        *[(0, 240, 1 / 20), (0.99, 240, 1 / 20), (1, 240, 2 / 20), (18.5, 240, 19 / 20), (19, 240, 1), (200, 240, 1)],
        *[(0, 24, 1 / 2), (1, 24, 1), (0, 12, 1), (0, 1, 1)],  # short runs keep the shape as far as they can
    ],
)
def test_the_warm_up_is_that_of_20_in_240_epochs(epoch: float, epochs: int, expected: float) -> None:
    assert warm_up(clock_at(epoch), epochs, 20 / 240).item() == pytest.approx(expected)


@pytest.mark.parametrize("name", ["dkd", "reviewkd"])
def test_the_warm_up_scales_the_method_s_own_loss_alone(name: str) -> None:
    method = known_method(name)
    first = method.losses(BATCH)
    method.clock.epoch.fill_(9.5)
    later = method.losses(BATCH)
    torch.testing.assert_close(later[name], 10 * first[name])
    assert torch.equal(later["ce"], first["ce"])
    short = known_method(name, epochs=8)
    short.load_state_dict(method.state_dict())
    torch.testing.assert_close(own_term(short, BATCH), 20 * first[name])


@pytest.mark.parametrize("architecture", ["wrn(depth=10, width=1)", "resnet(depth=8)"])
def test_looking_before_the_relu_does_not_change_what_follows(world: World, architecture: str) -> None:
    network = world.method("scratch", architecture=architecture).student.eval()
    after, before = look(network, batch().x), look(network, batch().x, pre_activation=True)
    assert all((m < 0).any() for m in before.maps)
    torch.testing.assert_close(before.logits, after.logits)
    torch.testing.assert_close(before.embedding, after.embedding)
    torch.testing.assert_close(network(batch().x), after.logits)


def test_shapes_are_found_without_a_trace(world: World) -> None:
    method = world.method("scratch")
    state = {key: value.clone() for key, value in method.student.state_dict().items()}
    build = type("Some", (), {"image": (3, 8, 8), "clock": method.clock})
    assert map_shapes(method.student, build) == [(16, 8, 8), (32, 4, 4), (64, 2, 2)]
    assert method.student.training
    assert all(torch.equal(value, state[key]) for key, value in method.student.state_dict().items())


@pytest.mark.parametrize("name", ["vid", "reviewkd"])
def test_student_and_teacher_need_as_many_stages(world: World, name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} pairs the stages of student and teacher, but they have 4 and 3"):
        world.method(name, architecture="vgg(depth=8)")


def test_a_build_knows_images_and_labels_and_a_teacher_its_widths(world: World) -> None:
    cell, labels = world.cell("sp"), data().train_y
    build = Builder(cell, cell.classes, PLACE, world.store, labels)
    assert build.image == batch().x.shape[1:]
    assert torch.equal(build.labels[batch().index], batch().y)
    teacher = build.teacher()
    seen = look(teacher, batch().x)
    assert [m.shape[1] for m in seen.maps] == teacher.channels
    assert seen.embedding.shape == (8, teacher.features)
    torch.testing.assert_close(seen.logits, teacher(batch().x))
