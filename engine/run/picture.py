"""A picture of what a finished cell's network answers: image, truth and answer of a few test samples, side by side.

Only where a task's answers are pictures themselves. It is small whatever the data are: some frames, 160 pixels wide,
256 colours.
"""

import io

import torch
from torch import Tensor

from cheapconv.engine.train.training import Training
from cheapconv.suites.base import Data
from cheapconv.suites.recipe import Recipe

FRAMES = 3  # evenly spaced over the test set
WIDTH = 160  # of a panel, pixels


def picture(training: Training) -> bytes | None:
    """A PNG of the first network that counts, rows of (image, truth, answer); None where answers are no pictures."""
    if training.task.answers == "image":
        return None
    network = next(trained.network for trained in training.method.networks() if trained.headline)
    rows, normal = [], training.recipe.normalisation
    mean, std = (torch.tensor(numbers)[:, None, None] for numbers in (normal.mean, normal.std))
    for x, y in _samples(training.data, training.recipe):
        with torch.no_grad(), training.place.in_use():
            answer = network.eval()(x)[0].argmax(dim=0)
        painted = [training.task.paint(labels) for labels in (y[0], answer)]
        image = ((x[0].cpu() * std + mean) * 255).round().clamp(0, 255).byte().permute(1, 2, 0)
        panels = [panel for panel in (image, *painted) if panel is not None]
        rows.append(torch.cat([_small(panel, nearest=bool(place)) for place, panel in enumerate(panels)], dim=1))
    return _png(torch.cat(rows))


def _samples(data: Data, recipe: Recipe) -> list[tuple[Tensor, Tensor]]:
    """FRAMES samples of the test set as batches of one."""
    size = data.size("test")
    wanted = {(2 * place + 1) * size // (2 * FRAMES) for place in range(FRAMES)}
    found, first = [], 0
    for x, y in data.split("test", recipe):
        found += [(x[i : i + 1], y[i : i + 1]) for i in range(len(y)) if first + i in wanted]
        first += len(y)
    return found


def _small(panel: Tensor, nearest: bool) -> Tensor:
    """The panel, at most WIDTH wide."""
    from PIL import Image

    height, width = panel.shape[:2]
    if width <= WIDTH:
        return panel
    filter_ = Image.Resampling.NEAREST if nearest else Image.Resampling.BILINEAR
    small = Image.fromarray(panel.numpy()).resize((WIDTH, max(1, round(height * WIDTH / width))), filter_)
    return torch.frombuffer(bytearray(small.tobytes()), dtype=torch.uint8).view(small.height, small.width, 3)


def _png(pixels: Tensor) -> bytes:
    """(H, W, 3) uint8 as a PNG of 256 colours."""
    from PIL import Image

    written = io.BytesIO()
    Image.fromarray(pixels.numpy()).quantize(256).save(written, "PNG", optimize=True)
    return written.getvalue()
