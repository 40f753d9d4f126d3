"""The picture of a finished cell's answers: small, of the test set, and only where answers are pictures."""

import io
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from cheapconv.engine.run.picture import FRAMES, WIDTH, picture
from cheapconv.methods.base import Trained
from cheapconv.suites.frames import Frames
from cheapconv.suites.place import Place
from cheapconv.suites.segmentation import Segmentation
from cheapconv.suites.task import Classification
from tests.engine.tiny import RECIPE

HEIGHT, WIDE = 24, 400


class Constant(nn.Module):
    """Answers class 1 everywhere."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.tensor([0.0, 1.0]).view(1, 2, 1, 1).expand(len(x), 2, *x.shape[2:])


def ended(task: Any, width: int = WIDE) -> Any:
    """A training after its last epoch, of ten test frames whose brightness is their number."""
    x = (torch.arange(10, dtype=torch.uint8) * 20)[:, None, None, None].repeat(1, 3, HEIGHT, width)
    y = torch.zeros(10, HEIGHT, width, dtype=torch.uint8)
    return SimpleNamespace(
        method=SimpleNamespace(networks=lambda: [Trained("student", Constant())]),
        data=Frames(x, y, x, y, ("a", "b"), void=2),
        recipe=RECIPE,
        task=task,
        place=Place(torch.device("cpu")),
    )


def test_it_shows_image_truth_and_answer_of_frames_spread_over_the_test_set():
    png = picture(ended(Segmentation(2, 2), width=32))
    assert png is not None
    pixels = np.array(Image.open(io.BytesIO(png)).convert("RGB"))
    assert pixels.shape == (FRAMES * HEIGHT, 3 * 32, 3)
    assert [pixels[row * HEIGHT, 0, 0] for row in range(FRAMES)] == [20, 100, 160]  # frames 1, 5, 8
    assert pixels[0, 32].tolist() == [128, 0, 0]  # the truth, class 0
    assert pixels[0, 64].tolist() == [0, 128, 0]  # the answer, class 1


def test_wide_frames_are_made_small():
    png = picture(ended(Segmentation(2, 2)))
    assert png is not None
    with Image.open(io.BytesIO(png)) as image:
        assert image.size == (3 * WIDTH, FRAMES * round(HEIGHT * WIDTH / WIDE))
    assert len(png) < 10_000


def test_classes_of_images_are_no_picture():
    assert picture(ended(Classification(2))) is None
