"""What a plan refuses before anything trains: methods that cannot be wired to their networks, numbers that are none."""

import pytest
import torch
from pydantic import ValidationError

from cheapconv import catalog
from cheapconv.catalog import entries
from cheapconv.catalog.errors import UserError
from cheapconv.engine.read.registry import Sweep
from cheapconv.engine.run.planning import plan
from cheapconv.methods.base import Trained

TEACHER = {"name": "t", "architecture": "WRN-10-1", "conv": "S", "method": "scratch"}


def plan_of(architecture, conv, method, **fields):
    catalog.load()
    entry = {"architecture": architecture, "conv": conv, "method": method}
    body = {"suite": "digits", "recipe": "short", "entries": [TEACHER, entry], **fields}
    return plan(Sweep.model_validate(body), "x")


@pytest.mark.parametrize(
    ("architecture", "conv", "method", "reason"),
    [
        ("VGG-8", "S", {"at": {"teacher": "t"}}, "at cannot train VGG-8 S: at pairs the stages .* 4 and 3"),
        ("WRN-10-1", "S", {"l1_group": {"like": "G(7)"}}, "needs channels divisible by 7, got 16"),
        ("WRN-10-1", "G(N)", {"fpgm": {"like": "S"}}, "the budget is .* but the network has"),
        ("WRN-10-1", "G(4)", {"blockswap_at": {"teacher": "t"}}, "chooses the convs itself: give the entry"),
    ],
)
def test_what_cannot_be_wired_is_a_mistake_of_the_plan(architecture, conv, method, reason):
    with pytest.raises(UserError, match=reason):
        plan_of(architecture, conv, method)


def test_a_class_that_asks_for_a_teacher_says_so(monkeypatch):
    catalog.load()
    monkeypatch.setattr(catalog.entry("method", "at").cls, "needs_teacher", False)
    with pytest.raises(UserError, match="its class does not say so: set needs_teacher = True"):
        plan_of("WRN-10-1", "G(8)", "at")


def test_networks_have_names_of_their_own(monkeypatch):
    catalog.load()
    monkeypatch.setattr(Trained, "headline", property(lambda self: False, lambda self, value: None))
    with pytest.raises(UserError, match=r"Scratch returns from networks\(\) none with headline=True"):
        plan_of("WRN-10-1", "G(16)", "scratch")


@pytest.mark.parametrize("method", ["label_smoothing", {"dkd": {"teacher": "t"}}, {"kdcl": {"students": 2}}])
def test_a_method_whose_losses_need_one_class_an_image_is_refused_where_images_are_mixed(method):
    """By what it declares; the others of the grid are planned."""
    with pytest.raises(
        UserError, match=r"its losses need one class for each image, and the recipe mixes images \(cutmix"
    ):
        plan_of("WRN-10-1", "G(4)", method, cutmix=1.0)
    with pytest.raises(UserError, match=r"its losses need one class for each image, and the recipe smooths labels"):
        plan_of("WRN-10-1", "G(4)", method, smoothing=0.1)
    found = plan_of("WRN-10-1", "G(4)", [method, {"kd": {"teacher": "t"}}, "scratch"], mixup=0.2)
    assert [p.cell.method for p in found.cells] == ["scratch", "kd", "scratch"]
    assert [skipped.method for skipped in found.skipped] == [
        plan_of("WRN-10-1", "G(4)", method).cells[1].cell.method_label
    ]


def test_ghost_batches_are_refused_where_samples_are_compared_and_where_a_batch_is_too_small():
    found = plan_of("WRN-10-1", "G(4)", [{"sp": {"teacher": "t"}}, "scratch"], ghost_batches=4)
    assert [p.cell.recipe["ghost_batches"] for p in found.cells] == [4, 4]
    [skipped] = found.skipped
    assert skipped.reason.endswith(
        "it compares the samples of a batch with one another, which ghost_batches would part"
    )
    # What was found of one of two cells that differ in nothing else is not said of the other.
    for parts, skipped in ((None, 0), (4, 1), (None, 0)):
        found = plan_of("WRN-10-1", "G(4)", [{"sp": {"teacher": "t"}}, "scratch"], ghost_batches=parts)
        assert len(found.skipped) == skipped
    with pytest.raises(UserError, match="ghost_batches must be from 2 to half of a batch, not 4"):
        plan_of("WRN-10-1", "G(4)", "scratch", ghost_batches=4, batch=7)
    with pytest.raises(ValidationError, match="greater than or equal to 2"):
        plan_of("WRN-10-1", "G(4)", "scratch", ghost_batches=1)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_are_none_are_refused(value):
    with pytest.raises(UserError, match="temperature must be a finite number"):
        catalog.build("method", "kd", {"temperature": value})


def test_a_boolean_is_no_number():
    catalog.load()
    with pytest.raises(UserError, match="students must be a number, not true"):
        catalog.build("method", "od", {"students": True})
    assert catalog.build("method", "od", {"detach_teacher": True}).detach_teacher is True


def test_what_can_be_wired_is_planned():
    assert len(plan_of("WRN-10-1", "G(4)", {"kd": {"teacher": "t"}}).cells) == 2


def test_a_method_that_reads_the_values_of_weights_is_left_to_its_cell(monkeypatch):
    catalog.load()

    class ReadsWeights(catalog.entry("method", "scratch").cls):
        def __init__(self, build, config):
            super().__init__(build, config)
            self.scale = float(next(self.parameters()).abs().max())

    monkeypatch.setattr(entries, "_entries", dict(entries._entries))
    catalog.register("method", "reads_weights")(ReadsWeights)
    assert len(plan_of("WRN-10-1", "G(4)", "reads_weights").cells) == 2


def test_only_what_the_meta_device_refuses_is_left_to_the_cell(monkeypatch):
    """A method whose shapes do not fit is a mistake of the plan."""
    catalog.load()

    class WrongShapes(catalog.entry("method", "scratch").cls):
        def __init__(self, build, config):
            super().__init__(build, config)
            torch.ones(2, 3, device=build.clock.epoch.device) @ torch.ones(2, 3, device=build.clock.epoch.device)

    monkeypatch.setattr(entries, "_entries", dict(entries._entries))
    catalog.register("method", "wrong_shapes")(WrongShapes)
    with pytest.raises(UserError, match=r"wrong_shapes cannot train WRN-10-1 S: .* same reduction dim"):
        plan_of("WRN-10-1", "S", "wrong_shapes")


def test_a_method_that_cannot_be_wired_to_one_network_of_a_grid_is_skipped_there():
    found = plan_of(["WRN-10-1", "VGG-8"], "S", {"at": {"teacher": "t"}})
    assert [(p.cell.architecture_label, p.cell.method) for p in found.cells] == [
        ("WRN-10-1", "scratch"),
        ("WRN-10-1", "at"),
    ]
    [skipped] = found.skipped
    assert skipped.reason.startswith("at cannot train VGG-8 S: at pairs the stages")


# Images, batches and epochs


@pytest.mark.parametrize(
    ("architecture", "fields", "reason"),
    [
        ("torchvision(name=alexnet)", {}, r"cannot be trained on images of 8x8 \(Given input size: \(64x1x1\)"),
        ("torchvision(name=resnet18)", {"batch": 1}, "images of 8x8, one at a time .Expected more than 1 value"),
    ],
)
def test_a_network_that_cannot_be_run_on_the_suites_images_is_a_mistake_of_the_plan(architecture, fields, reason):
    with pytest.raises(UserError, match=reason):
        plan_of(architecture, "S", "scratch", **fields)


@pytest.mark.parametrize("method", ["one", {"reviewkd": {"teacher": "t"}}])
def test_a_method_whose_own_modules_take_no_single_image_is_a_mistake_of_the_plan(method):
    with pytest.raises(UserError, match=r"it cannot be trained on one image at a time \(Expected more than 1 value"):
        plan_of("WRN-10-1", "S", method, batch=1)
    assert len(plan_of("WRN-10-1", "S", [method, "dml"], batch=1).cells) == 2
    assert len(plan_of("WRN-10-1", "S", method, batch=2).cells) == 2


def test_a_network_that_a_method_takes_beside_the_cells_own_is_run_too():
    with pytest.raises(UserError, match="cannot be trained on images of 8x8"):
        plan_of("WRN-10-1", "S", {"dml": {"partners": ["torchvision(name=alexnet)"]}})


def test_what_only_the_meta_device_cannot_run_is_run_on_the_cpu(monkeypatch):
    catalog.load()

    class ReadsNumbers(catalog.entry("architecture", "wrn").cls):
        def build(self, conv, classes):
            network = super().build(conv, classes)
            network.register_forward_pre_hook(lambda module, given: (given[0].tolist(), None)[1])
            return network

    monkeypatch.setattr(entries, "_entries", dict(entries._entries))
    catalog.register("architecture", "reads_numbers")(ReadsNumbers)
    assert len(plan_of("reads_numbers(depth=10, width=1)", "S", "scratch").cells) == 2


def test_too_few_epochs_for_the_phases_of_a_method_are_a_mistake_of_the_plan():
    with pytest.raises(UserError, match="l1_group cannot train WRN-10-1 S: a training of 1 epochs is too short"):
        plan_of("WRN-10-1", "S", "l1_group", epochs=1)
    assert len(plan_of("WRN-10-1", "S", "l1_group", epochs=2).cells) == 2


@pytest.mark.parametrize(
    ("method", "reason"),
    [
        ({"l1_group": {"limit": 10}}, "the budget of 10 cannot be met: with the least number of channels everywhere"),
        ({"compact_kd": {"teacher": "t", "limit": 10}}, "the budget of 10 cannot be met: with the least number of"),
        (
            {"blockswap_at": {"teacher": "t", "limit": 10, "pool": ["G(2)", "G(4)"]}},
            "the budget, at most 10, cannot be met: this pool allows no less than",
        ),
    ],
)
def test_a_budget_of_a_method_that_cannot_be_met_is_a_mistake_of_the_plan(method, reason):
    with pytest.raises(UserError, match=reason):
        plan_of("WRN-10-1", "S", method)


@pytest.mark.parametrize("method", ["l1_group", {"compact_kd": {"teacher": "t"}}, {"blockswap_at": {"teacher": "t"}}])
def test_a_budget_that_can_be_met_is_planned(method):
    assert len(plan_of("WRN-10-1", "S", method).cells) == 2


@pytest.mark.parametrize("count", [1297, 5000])
def test_more_validation_images_than_there_are_are_a_mistake_of_the_plan(count):
    with pytest.raises(UserError, match=f"validation holds out {count} images of 1297: leave some to train on"):
        plan_of("WRN-10-1", "S", "scratch", validation=count)
    assert len(plan_of("WRN-10-1", "S", "scratch", validation=1296).cells) == 1


def test_a_square_larger_than_the_images_is_a_mistake_of_the_plan():
    with pytest.raises(UserError, match=r"cutout 9 is larger than the suite's images of 8 x 8: nothing would be left"):
        plan_of("WRN-10-1", "S", "scratch", cutout=9)
    assert len(plan_of("WRN-10-1", "S", "scratch", cutout=8).cells) == 1


@pytest.mark.parametrize(
    ("fields", "protocol"),
    [({}, 1), ({"batch": 48}, 2), ({"batch": 48, "validation": 1}, 1), ({"batch": 1297}, 1), ({"batch": 1296}, 2)],
)
def test_a_last_image_that_joins_another_batch_is_another_protocol(fields, protocol):
    """Cells without one keep their keys."""
    assert {p.cell.protocol for p in plan_of("WRN-10-1", "S", "scratch", **fields).cells} == {protocol}
