"""Losses and their gradients against torchdistill's, an independent implementation of the same papers.

Everything is random, in float64 and at two batch sizes. Where the two differ in form, a comment says how and the test
accounts for it. What torchdistill has no counterpart for is not here: DKD, the consecutive samples of `cc`, the soft
cross-entropy of `kd`, and pooling where the maps of student and teacher differ in size.
"""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from cheapconv import catalog
from cheapconv.methods.base import Method
from cheapconv.methods.reviewkd import hierarchical_distance
from tests.methods.fixed import total
from tests.methods.known import Known, KnownBuild, own_term

pytest.importorskip("torchdistill")

from torchdistill.losses import mid_level
from torchdistill.models.adaptation import ConvReg
from torchdistill.models.wrapper import AttentionBasedFusion, Regressor4VID

CLASSES, SAMPLES = 7, 40
SIDES, STUDENT_WIDTHS, TEACHER_WIDTHS = [8, 4, 2], [3, 4, 6], [5, 6, 9]
MAPS = range(len(SIDES))
LOGITS, EMBEDDINGS = ["logits", "output"] * 2, ["embedding", "output"] * 2  # paths and kinds of what is compared


@dataclass
class Case:
    """A student, a teacher and a batch of a training set with `labels`."""

    student: Known
    teacher: Known
    labels: Tensor
    batch: Any

    def method(self, name: str, **settings: Any) -> Method:
        """The registered method in float64 on the two networks, in the only epoch of its run."""
        build = KnownBuild(self.student, self.teacher, epochs=1)
        build.classes, build.labels = CLASSES, self.labels
        return catalog.entry("method", name).cls(build, catalog.build("method", name, settings)).double()

    def theirs(self, loss: nn.Module, **outputs: Any) -> Tensor:
        """torchdistill's loss of what the networks put out, where the student has these `outputs` as well."""
        student = {name: {"output": value} for name, value in outputs.items()}
        return loss(seen(self.student) | student, seen(self.teacher), self.batch.y)


def seen(network: Known) -> dict[str, dict[str, Any]]:
    """All that a network puts out, as torchdistill keeps it."""
    maps = {f"map{i}": {"output": network.maps[i]} for i in MAPS}
    return maps | {"logits": {"output": network.logits}, "embedding": {"output": network.embedding}}


def network(batch: int, widths: list[int], scale: float) -> Known:
    def rand(*shape: int) -> Tensor:
        return (scale * torch.randn(shape, dtype=torch.float64)).requires_grad_()

    maps = [rand(batch, width, side, side) for width, side in zip(widths, SIDES, strict=True)]
    return Known(rand(batch, CLASSES), maps, rand(batch, 2 * widths[-1]))


@pytest.fixture(params=[4, 13])
def case(request: pytest.FixtureRequest) -> Case:
    torch.manual_seed(request.param)
    labels, index = torch.randint(CLASSES, (SAMPLES,)), torch.randperm(SAMPLES)[: request.param]
    batch = SimpleNamespace(x=None, y=labels[index], index=index, views=())
    student, teacher = network(request.param, STUDENT_WIDTHS, 1.0), network(request.param, TEACHER_WIDTHS, 2.0)
    return Case(student, teacher, labels, batch)


def agree(case: Case, ours: Tensor, theirs: Tensor, rtol: float = 1e-10) -> None:
    """Equal losses, and equal gradients of all that the student puts out."""
    torch.testing.assert_close(ours, theirs.view(()), rtol=rtol, atol=0)
    leaves = [case.student.logits, case.student.embedding, *case.student.maps]
    reached = 0.0
    found, expected = (
        torch.autograd.grad(loss, leaves, retain_graph=True, materialize_grads=True) for loss in (ours, theirs)
    )
    for a, b in zip(found, expected, strict=True):
        size = b.abs().max().item()
        torch.testing.assert_close(a, b, rtol=rtol, atol=rtol * size)
        reached += size
    assert reached > 0


def pairs(student: str = "map") -> dict[str, dict[str, Any]]:
    """torchdistill's description of what is compared with the teacher's map at every stage."""
    return {
        f"pair{i}": {
            "student": {"path": f"{student}{i}", "io": "output"},
            "teacher": {"path": f"map{i}", "io": "output"},
        }
        for i in MAPS
    }


def test_kd(case: Case) -> None:
    theirs = mid_level.KDLoss(*LOGITS, temperature=4.0, alpha=0.1, beta=0.9)
    agree(case, total(case.method("kd").losses(case.batch)), case.theirs(theirs))


@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides:UserWarning")
def test_kd_over_classes_too(case: Case) -> None:
    # Moonshine's code has a factor of 2 of its own.
    theirs = mid_level.KDLoss(*LOGITS, temperature=4.0, alpha=0.1, beta=2 * 0.9, reduction="mean")
    agree(case, total(case.method("kd", form="moonshine_code").losses(case.batch)), case.theirs(theirs))


def test_kd_ls(case: Case) -> None:
    theirs = mid_level.LogitStdKDLoss(*LOGITS, temperature=2.0, alpha=0.1, beta=9.0)
    agree(case, total(case.method("kd_ls").losses(case.batch)), case.theirs(theirs))


@pytest.mark.parametrize("form", ["code", "paper"])
def test_at(case: Case, form: str) -> None:
    theirs = mid_level.ATLoss(pairs(), mode=form)
    agree(case, own_term(case.method("at", beta=1.0, form=form), case.batch), case.theirs(theirs))


class Similarities(mid_level.SPKDLoss):
    """Rows of unit 2-norm, eq. 3 of the paper: torchdistill hands its 1 for the dimension over as the norm's order."""

    def matmul_and_normalize(self, z: Tensor) -> Tensor:
        return normalize(super().matmul_and_normalize(z), dim=1)


def test_sp(case: Case) -> None:
    theirs = Similarities("map2", "map2", reduction="batchmean")
    agree(case, own_term(case.method("sp", weight=1.0), case.batch), case.theirs(theirs))


@pytest.mark.parametrize("weights", [(25.0, 50.0), (1.0, 0.0), (0.0, 1.0)])
def test_rkd(case: Case, weights: tuple[float, float]) -> None:
    distance, angle = weights
    theirs = mid_level.RKDLoss("embedding", "embedding", distance, angle, reduction="mean")
    method = case.method("rkd", distance_weight=distance, angle_weight=angle)
    agree(case, own_term(method, case.batch), case.theirs(theirs))


def test_pkt(case: Case) -> None:
    agree(case, own_term(case.method("pkt", weight=1.0), case.batch), case.theirs(mid_level.PKTLoss(*EMBEDDINGS)))


@pytest.mark.parametrize("order", [2, 3])
def test_cc_in_the_paper_s_form(case: Case, order: int) -> None:
    # torchdistill leaves the vectors at their length, and the norm un-squared: eq. 9 has ||.||_F^2 / B^2.
    kernel = {"type": "gaussian", "gamma": 0.4, "max_p": order}
    theirs = mid_level.CCKDLoss("unit", "unit", kernel, reduction="sum")
    method = case.method("cc", weight=1.0, form="paper", order=order)
    ours = method.student_embedding(case.student.embedding)
    teacher = method.teacher_embedding(case.teacher.embedding)
    unit = [{"unit": {"output": normalize(x, dim=1)}} for x in (ours, teacher)]
    expected = theirs(*unit).square() / len(ours) ** 2
    agree(case, own_term(method, case.batch), expected)


def test_vid(case: Case) -> None:
    # Our variance is float32 whatever the rest is.
    method = case.method("vid")
    predicted = {}
    for i, predictor in enumerate(method.predictors):
        nn.init.normal_(predictor.rho)
        theirs = Regressor4VID(STUDENT_WIDTHS[i], *[TEACHER_WIDTHS[i]] * 2, eps=1e-5, init_pred_var=5.0).double()
        theirs.regressor.load_state_dict(predictor.mean.state_dict())
        theirs.soft_plus_param.data.copy_(predictor.rho.data)
        predicted[f"regressor{i}"] = theirs(case.student.maps[i])
    expected = case.theirs(mid_level.VIDLoss(pairs("regressor")), **predicted)
    agree(case, own_term(method, case.batch), expected, rtol=1e-6)


def test_dist(case: Case) -> None:
    # Ours, as the authors' code, adds 1e-8 to the product of the norms, torchdistill keeps each norm above 1e-8.
    theirs = mid_level.DISTLoss(*LOGITS, beta=1.5, gamma=0.5, tau=2.0)
    method = case.method("dist", weight=1.0, inter_weight=1.5, intra_weight=0.5, temperature=2.0)
    agree(case, own_term(method, case.batch), case.theirs(theirs), rtol=1e-5)


@pytest.mark.parametrize("side", [1, 2, 3, 4, 5, 8])
def test_hierarchical_distance(case: Case, side: int) -> None:
    student, teacher = (n.maps[0][:, :3, :side, :side] for n in (case.student, case.teacher))
    theirs = mid_level.HierarchicalContextLoss("fused", "output", "map", "output")
    expected = theirs({"fused": {"output": (student, None)}}, {"map": {"output": teacher}})
    agree(case, hierarchical_distance(student, teacher), expected)


def test_reviewkd(case: Case) -> None:
    # The maps of a level are of one size, for torchdistill does not resize what the fusion gives.
    method = case.method("reviewkd")
    levels = [[n.embedding[:, :, None, None], *reversed(n.maps)] for n in (case.student, case.teacher)]
    loss = mid_level.HierarchicalContextLoss("fused", "output", "map", "output")
    fused, expected = None, torch.zeros((), dtype=torch.float64)
    names = {"reduce": "conv1", "expand": "conv2", "attend": "attention_conv"}
    for fusion, ours, theirs in zip(method.fusions, *levels, strict=True):
        width = fusion.reduce[0].out_channels
        block = AttentionBasedFusion(ours.shape[1], width, theirs.shape[1], fusion.attend is not None).double()
        for name, module in fusion.named_children():
            getattr(block, names[name]).load_state_dict(module.state_dict())
        guess, fused = block(ours, fused, theirs.shape[2])
        expected = expected + loss({"fused": {"output": (guess, fused)}}, {"map": {"output": theirs}})
    agree(case, own_term(method, case.batch), expected)


def test_fitnet(case: Case) -> None:
    method = case.method("fitnet", weight=1.0)
    regressor = ConvReg(STUDENT_WIDTHS[1], TEACHER_WIDTHS[1], kernel_size=1, stride=1, padding=0).double()
    values = method.regressor.state_dict().values()
    regressor.load_state_dict(dict(zip(regressor.state_dict(), values, strict=True)))
    hint = {"is_from_teacher": False, "module_path": "hint", "io": "output"}
    target = {"is_from_teacher": True, "module_path": "map1", "io": "output"}
    theirs = mid_level.SimpleLossWrapper(nn.MSELoss(), input=hint, target=target)
    agree(case, own_term(method, case.batch), case.theirs(theirs, hint=regressor(case.student.maps[1])))


def test_crd(case: Case) -> None:
    # torchdistill keeps the temperature in float32, so it is one that has no error there. Its own draw of negatives
    # is broken, so it gets ours. The first step sets the constant; the second sees it and the updated memories.
    negatives, dimensions, temperature = 6, 8, 1 / 16
    method = case.method(
        "crd", weight=1.0, dimensions=dimensions, negatives=negatives, contrast_temperature=temperature
    )
    theirs = mid_level.CRDLoss(
        "unit", "extra", "unit", dimensions, SAMPLES, negatives, SAMPLES, temperature=temperature
    ).double()
    theirs.memory_v1.copy_(method.student_memory.vectors)
    theirs.memory_v2.copy_(method.teacher_memory.vectors)
    for step in range(2):
        torch.manual_seed(step)
        candidates = method._candidates(case.batch.index, case.batch.y)
        ours = normalize(method.student_embedding(case.student.embedding), dim=1)
        teacher = normalize(method.teacher_embedding(case.teacher.embedding), dim=1)
        extra = {"pos_idx": case.batch.index, "contrast_idx": candidates}
        student_seen = {"unit": {"output": ours}, "extra": {"input": extra}}
        expected = theirs(student_seen, {"unit": {"output": teacher}})
        torch.manual_seed(step)
        agree(case, own_term(method, case.batch), expected)
        method.after_update()
        for memory, vectors in [(method.student_memory, theirs.memory_v1), (method.teacher_memory, theirs.memory_v2)]:
            torch.testing.assert_close(memory.vectors, vectors, rtol=1e-10, atol=1e-12)
        with torch.no_grad():  # other embeddings in the second step
            method.student_embedding.weight.add_(0.1)
            method.teacher_embedding.weight.mul_(-0.5)
