"""What a plan refuses before anything trains: methods that cannot be wired to their networks, numbers that are none."""

import pytest
import torch

from cheapconv import catalog
from cheapconv.catalog import entries
from cheapconv.catalog.errors import UserError
from cheapconv.engine.read.registry import Sweep
from cheapconv.engine.run.planning import plan

TEACHER = {"name": "t", "architecture": "WRN-10-1", "conv": "S", "method": "scratch"}


def plan_of(architecture, conv, method):
    catalog.load()
    entry = {"architecture": architecture, "conv": conv, "method": method}
    return plan(Sweep.model_validate({"suite": "digits", "recipe": "short", "entries": [TEACHER, entry]}), "x")


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
