"""What a score is worth: at chance, constant, exploded, taught by nothing; and what is no network any more."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from cheapconv.engine.store.records import CurveRow, ResultWarning
from cheapconv.engine.train.training import Diverged
from cheapconv.engine.train.verdict import judge, require_finite
from cheapconv.methods.base import Trained
from cheapconv.suites.segmentation import Segmentation
from cheapconv.suites.task import Classification
from tests.engine import finished

# Of guessing ten classes on 900 images the standard error is sqrt(0.1 * 0.9 / 900) = 0.01, three of them 0.03.
IMAGES = 900


def ended(scores: dict[str, float], *, networks: list[Trained] | None = None, loss: float = 1.0, **row: Any) -> Any:
    """A training after its last epoch."""
    networks = networks or [Trained(name, nn.Linear(1, 1)) for name in scores]
    by_name = {name: {"top1": score} for name, score in scores.items()}
    last = CurveRow(epoch=0, lr=0.1, loss=loss, terms={}, scores=by_name, images_per_s=1.0, seconds=1.0, **row)
    return SimpleNamespace(
        method=SimpleNamespace(networks=lambda: networks),
        task=Classification(10),
        data=SimpleNamespace(size=lambda split: {"test": IMAGES}[split]),
        position=SimpleNamespace(curve=[last]),
    )


def kinds(training: Any, taught: Any = None) -> list[str]:
    return [warning.kind for warning in judge(training, taught)]


@pytest.mark.parametrize(("score", "found"), [(0.02, ["chance"]), (0.1, ["chance"]), (0.129, ["chance"]), (0.131, [])])
def test_a_score_within_three_errors_of_guessing_is_chance(score, found):
    assert kinds(ended({"student": score})) == found


def test_the_sentence_names_network_score_and_what_guessing_has():
    [warning] = judge(ended({"student": 0.08}), None)
    assert warning.text == "student has 8.00 %, as guessing has on 900 images (10.00 ± 3.00 %)"


def test_a_score_below_that_of_guessing_is_said_to_be_less():
    [warning] = judge(ended({"student": 0.02}), None)
    assert warning.text == "student has 2.00 %, less than guessing has on 900 images (10.00 ± 3.00 %)"
    training = ended({"student": 0.0034})
    training.task = Segmentation(11, 11, tested=(7,) * 11)
    training.position.curve[-1].scores["student"] = {"miou": 0.0034}
    [warning] = judge(training, None)
    assert warning.text == "student has 0.34 %, less than guessing has on 900 images (4.76 %)"
    training.position.curve[-1].scores["student"] = {"miou": 0.06}  # less than 1 / 11
    assert kinds(training) == []


def test_a_constant_answer_is_said_instead_of_its_score():
    """Where classes are not equally frequent it may be far from 1 / classes."""
    training = ended({"student": 0.6}, flaws={"student": "constant"})
    assert [(w.kind, w.text) for w in judge(training, None)] == [
        ("constant", "student answers every test image with the same class")
    ]


def test_each_network_that_counts_is_judged_and_no_other():
    networks = [Trained("a", nn.Linear(1, 1)), Trained("b", nn.Linear(1, 1))]
    networks += [Trained("both", nn.Linear(1, 1), role="ensemble", headline=False)]
    training = ended({"a": 0.9, "b": 0.1, "both": 0.1}, networks=networks, flaws={"both": "constant"})
    assert [warning.text.split()[0] for warning in judge(training, None)] == ["b"]


@pytest.mark.parametrize(("loss", "found"), [(5000.0, []), (2.8e10, ["loss"])])
def test_a_loss_that_has_exploded_is_a_warning(loss, found):
    assert kinds(ended({"student": 0.5}, loss=loss)) == found


def teacher(score: float, *kinds: Any) -> Any:
    """The result of a teacher."""
    warnings = tuple(ResultWarning(kind=kind, text="it is so") for kind in kinds)
    return replace(finished.a_result("teacher"), scores={"top1": score}, warnings=warnings)


@pytest.mark.parametrize(
    ("taught", "found"),
    [
        (teacher(0.9), []),
        (teacher(0.11), ["teacher"]),  # also one of a release that wrote no warnings
        (teacher(0.6, "constant"), ["teacher"]),
        (teacher(0.9, "teacher"), []),  # it has learnt in spite of its own teacher
    ],
)
def test_a_teacher_that_has_learnt_nothing_is_a_warning(taught, found):
    assert kinds(ended({"student": 0.5}), taught) == found


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("tensor", ["weight", "running_var"])
def test_a_number_that_is_none_in_any_saved_tensor_is_a_failure(number, tensor):
    """Also in the statistics of a BN, which the loss of a training step does not show."""
    network = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2))
    networks = [Trained("first", nn.Linear(1, 1)), Trained("second", network)]
    training = ended({"first": 0.9, "second": 0.9}, networks=networks)
    require_finite(training)
    getattr(network[1], tensor).data[1] = number
    with pytest.raises(Diverged, match="the weights of second are NaN or infinite after the last epoch"):
        require_finite(training)


def test_answers_that_are_no_numbers_are_a_failure_of_finite_weights_too():
    training = ended({"student": 0.9}, flaws={"student": "not finite"})
    with pytest.raises(Diverged, match="student answers images of the test set with NaN or infinity"):
        require_finite(training)


def test_a_network_without_tensors_is_finite():
    require_finite(ended({"guess": 0.1}, networks=[Trained("guess", nn.ReLU())]))


def test_integers_are_finite():
    network = nn.Linear(1, 1)
    network.register_buffer("quantised", torch.tensor([1, -1], dtype=torch.int8))
    require_finite(ended({"student": 0.9}, networks=[Trained("student", network)]))
