"""Review: the hierarchical distance, the fusion of deep and shallow maps, and which maps are compared."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from cheapconv import catalog
from cheapconv.engine.plan.resolve import resolve
from cheapconv.engine.train.builder import Builder
from cheapconv.engine.train.rehearsal import RehearsalBuilder
from cheapconv.methods.reviewkd import Fusion, ReviewKD, hierarchical_distance
from cheapconv.models.meta import on_meta
from tests.methods.inputs import STUDENT_MAP
from tests.methods.known import SAME_WIDTH_MAP
from tests.methods.world import PLACE, World, batch

catalog.load()
RESNET = "resnet(depth=8)"


def planned(student: str, teacher: str, **settings: float) -> ReviewKD:
    """The method as the plan wires it, on the meta device."""
    suite = catalog.parse("suite", "digits")
    names = {"architecture": student, "conv": "standard", "method": "reviewkd", "settings": settings}
    cell = resolve(suite=suite, recipe=suite.recipes["short"], seed=0, teacher="any", **names)
    with on_meta():
        builder = RehearsalBuilder(cell, (teacher, "standard"), torch.device("meta"))
        return ReviewKD(builder, catalog.build("method", "reviewkd", settings))


def pooled(feature_map: Tensor, side: int) -> Tensor:
    """Means of the blocks of a square map whose side is a multiple of `side`."""
    b, c, h, _ = feature_map.shape
    return feature_map.view(b, c, side, h // side, side, h // side).mean(dim=(3, 5))


def test_the_distance_is_a_fixed_number() -> None:
    found = hierarchical_distance(STUDENT_MAP, SAME_WIDTH_MAP)
    assert found.item() == pytest.approx(0.87763690, abs=6e-9)


@pytest.mark.parametrize(("height", "sides"), [(1, []), (2, [1]), (4, [2, 1]), (8, [4, 2, 1]), (16, [4, 2, 1])])
def test_only_smaller_sides_take_part_and_weights_halve_from_one_to_the_next(height: int, sides: list[int]) -> None:
    generator = torch.Generator().manual_seed(0)
    s, t = torch.randn(2, 2, 3, height, height, dtype=torch.float64, generator=generator)
    expected, weights = (s - t).square().mean(), [1.0]
    for side in sides:
        weights.append(weights[-1] / 2)
        expected = expected + weights[-1] * (pooled(s, side) - pooled(t, side)).square().mean()
    torch.testing.assert_close(hierarchical_distance(s, t), expected / sum(weights))


def test_the_deepest_level_has_nothing_to_fuse() -> None:
    fusion = Fusion(6, 4, 8, deepest=True)
    assert fusion.attend is None
    out, fused = fusion(torch.randn(2, 6, 1, 1), None, torch.Size([1, 1]))
    assert (out.shape, fused.shape) == ((2, 8, 1, 1), (2, 4, 1, 1))


def test_two_attentions_weigh_the_map_and_the_deeper_one() -> None:
    fusion = Fusion(6, 4, 8, deepest=False)
    x, deeper = torch.randn(2, 6, 4, 4), torch.randn(2, 4, 2, 2)
    _, fused = fusion(x, deeper, torch.Size([4, 4]))
    narrow = fusion.reduce(x)
    repeated = deeper.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)  # nearest
    logits = fusion.attend[0](torch.cat([narrow, repeated], dim=1))
    expected = narrow * logits[:, 0:1].sigmoid() + repeated * logits[:, 1:2].sigmoid()
    torch.testing.assert_close(fused, expected)


def test_the_map_is_brought_to_the_teacher_s_size_before_it_is_widened() -> None:
    fusion = Fusion(6, 4, 8, deepest=False)
    out, fused = fusion(torch.randn(2, 6, 4, 4), torch.randn(2, 4, 1, 1), torch.Size([8, 8]))
    assert (out.shape, fused.shape) == ((2, 8, 8, 8), (2, 4, 8, 8))
    torch.testing.assert_close(fused[:, :, 0, 0], fused[:, :, 1, 1])


def test_layers_are_those_of_the_paper() -> None:
    fusion = Fusion(6, 4, 8, deepest=False)
    shapes = {name: tuple(p.shape) for name, p in fusion.named_parameters() if p.dim() == 4}
    assert shapes == {
        "reduce.0.weight": (4, 6, 1, 1),
        "attend.0.weight": (2, 8, 1, 1),
        "expand.0.weight": (8, 4, 3, 3),
    }
    assert fusion.reduce[0].bias is None
    assert fusion.expand[0].bias is None
    assert fusion.attend[0].bias is not None
    assert fusion.expand[0].weight.abs().max() <= (3 / (4 * 9)) ** 0.5  # kaiming_uniform with a = 1


def test_levels_go_from_the_pooled_vector_to_the_first_stage(world: World) -> None:
    fusions = world.method("reviewkd").fusions
    assert [fusion.reduce[0].in_channels for fusion in fusions] == [64, 64, 32, 16]
    assert [fusion.expand[0].out_channels for fusion in fusions] == [128, 128, 64, 32]
    assert {fusion.reduce[0].out_channels for fusion in fusions} == {64}  # min(512, width of the pooled vector)
    assert [fusion.attend is None for fusion in fusions] == [True, False, False, False]


def test_a_perfect_student_has_no_loss() -> None:
    assert hierarchical_distance(STUDENT_MAP, STUDENT_MAP) == 0


@pytest.mark.parametrize("student_too", [False, True])
def test_the_teacher_s_maps_are_those_before_their_relu(world: World, student_too: bool) -> None:
    method = world.method("reviewkd", architecture=RESNET, student_pre_activation=student_too)
    method.student.eval()
    method.teacher.network = method.student  # whose stages end in a ReLU
    student, teacher = method.see(batch().x)
    assert all((m < 0).any() for m in teacher.maps)
    for ours, theirs in zip(student.maps, teacher.maps, strict=True):
        torch.testing.assert_close(ours, theirs if student_too else relu(theirs))
    torch.testing.assert_close(student.logits, method.student(batch().x))


def norms_behind(network: nn.Module) -> list[nn.Module]:
    """The BN that reads each map of a WRN."""
    first, last = network.stage_modules[1][0], network.stage_modules[2][0]
    return [first.norm[0], last.norm[0], network.neck[0]]


def test_maps_of_networks_that_activate_first_are_those_behind_the_next_bn(world: World) -> None:
    method, x = world.method("reviewkd", student_pre_activation=True).eval(), batch().x
    networks = method.student, method.teacher.network
    for norm in (n for network in networks for n in norms_behind(network)):
        norm.running_mean.add_(0.3)
        norm.weight.data.mul_(2)
    for network, seen in zip(networks, method.see(x), strict=True):
        for found, norm, residual_sum in zip(seen.maps, norms_behind(network), network.stages(x), strict=True):
            torch.testing.assert_close(found, norm(residual_sum))
        torch.testing.assert_close(seen.logits, network(x))


def test_a_look_behind_the_bn_moves_its_statistics_once(world: World) -> None:
    looking, plain = (world.method("reviewkd", student_pre_activation=pre).train() for pre in (True, False))
    seen = [method.see(batch().x)[0] for method in (looking, plain)]
    for ours, theirs in zip(norms_behind(looking.student), norms_behind(plain.student), strict=True):
        assert torch.equal(ours.running_var, theirs.running_var)
    for normal, residual_sum in zip(seen[0].maps, seen[1].maps, strict=True):
        mean, var = residual_sum.mean((0, 2, 3), keepdim=True), residual_sum.var((0, 2, 3), correction=0, keepdim=True)
        torch.testing.assert_close(normal, (residual_sum - mean) / (var + 1e-5).sqrt(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("teacher", "student", "weight"),
    [
        *(("WRN-40-2", "WRN-16-2", 5), ("WRN-40-2", "WRN-40-1", 5), ("WRN-40-2", "ShuffleNetV1", 5)),
        *(("ResNet-32x4", "ResNet-8x4", 5), ("ResNet-32x4", "ShuffleNetV1", 5), ("ResNet-32x4", "ShuffleNetV2", 8)),
        *(("ResNet-56", "ResNet-20", 0.6), ("ResNet-110", "ResNet-32", 1)),
        *(("WRN-16-2", "WRN-40-2", 1), ("ResNet-110-B12", "ResNet-32", 1)),  # pairs that the script does not have
    ],
)
def test_the_weight_is_that_of_the_authors_script(teacher: str, student: str, weight: float) -> None:
    cell = planned(student, catalog.canonical(catalog.parse("architecture", teacher)))
    assert cell.weight == weight


def test_a_weight_that_is_given_wins() -> None:
    teacher = catalog.canonical(catalog.parse("architecture", "WRN-40-2"))
    assert planned("WRN-16-2", teacher, weight=0.5).weight == 0.5


def test_the_finished_teacher_s_cell_names_the_pair(world: World) -> None:
    cell = world.cell("reviewkd")
    builder = Builder(cell, cell.classes, PLACE, world.store)
    assert builder.pair() == ("WRN-10-2", "WRN-10-1")


def test_levels_are_summed(world: World) -> None:
    method = world.method("reviewkd", weight=1.0)
    method.clock.epoch.fill_(1e3)  # warmed up
    seen: list[tuple[Tensor, torch.Size]] = []
    for fusion in method.fusions:
        assert isinstance(fusion, nn.Module)
        fusion.register_forward_hook(lambda _, inputs, outputs: seen.append((outputs[0], inputs[2])))
    found = method.losses(batch())["reviewkd"]
    _, teacher = method.see(batch().x)
    levels = [teacher.embedding[:, :, None, None], *reversed(teacher.maps)]
    assert [size for _, size in seen] == [level.shape[2:] for level in levels]
    expected = [hierarchical_distance(out, level) for (out, _), level in zip(seen, levels, strict=True)]
    torch.testing.assert_close(found, torch.stack(expected).sum())
