"""Label smoothing."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from cheapconv.baselines.label_smoothing import smoothed_cross_entropy
from tests.methods.fixed import BATCH, Fixed, fixed_method
from tests.methods.inputs import LABELS, STUDENT


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_it_is_torch_s(smoothing: float) -> None:
    found = smoothed_cross_entropy(STUDENT, LABELS, smoothing)
    torch.testing.assert_close(found, cross_entropy(STUDENT, LABELS, label_smoothing=smoothing))


def test_the_method_uses_its_setting() -> None:
    plain, smooth = (fixed_method("label_smoothing", [Fixed(STUDENT)], smoothing=s) for s in (0.0, 0.1))
    assert plain.losses(BATCH)["ce"].item() == pytest.approx(1.04724098, abs=6e-9)
    uniform = -torch.log_softmax(STUDENT, dim=1).mean().item()
    assert smooth.losses(BATCH)["ce"].item() == pytest.approx(0.9 * 1.04724098 + 0.1 * uniform, abs=6e-9)


def test_half_width_logits_are_widened() -> None:
    assert smoothed_cross_entropy(STUDENT.bfloat16(), LABELS, 0.1).dtype == torch.float32
