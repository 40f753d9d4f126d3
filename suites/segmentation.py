"""The task of segmentation: a class for every pixel, scored by the mean intersection over union of the whole test set.

One confusion matrix is summed over all frames, and a class's IoU is TP / (TP + FP + FN) of it, as the scripts of
Cityscapes have it (Cordts et al., CVPR 2016) and torchmetrics' JaccardIndex: pixels without a class (void) count
nowhere, and a class that is neither in the truth nor in any answer is left out of the mean; one that is only answered
has 0. ERFNet's own script differs: it counts an absent class as 0.

A mean IoU is no share of independent trials, for the pixels of a frame are not. The frames are the sample: its standard
error is that of a ratio of sums over frames, linearised (Cochran, Sampling Techniques, 1977, section 6.4). The sums
of squares that it needs add up over batches like the matrix itself.
"""

import functools
import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from cheapconv.suites.place import moved
from cheapconv.suites.task import Answer, Flaw

WEIGHT_BASE = 1.10  # ERFNet's; of ENet (Paszke et al., 2016) it is 1.02


@dataclass(frozen=True)
class Segmentation:
    """One of `classes` for every pixel but those that are labelled `void`; `weights` are those of the classes in the
    loss, 1 where there are none; `tested` the pixels of the classes in the test set, where they are known. A network
    may have an output more than there are classes, for void: never right."""

    classes: int
    void: int
    weights: tuple[float, ...] | None = None
    tested: tuple[int, ...] | None = None

    @property
    def answers(self) -> Answer:
        """One for every pixel."""
        return "pixel"

    @property
    def headline(self) -> str:
        """Mean IoU."""
        return "miou"

    @property
    def chance(self) -> float:
        """The most that answers have which depend neither on the image nor on the place in it, by any rule of guessing
        or one for all pixels.

        Who answers class c for a share q of all pixels, of which a share p is of that class, has the IoU
        pq / (p + q - pq). The mean over K classes is largest for q in proportion to p / (1 - p), and S / (S + 1) / K
        then, where S is the sum of these odds: 1 / (2K - 1) for equal classes, and near 1 / K where all but a few
        pixels are of one, which is the bound where nothing is known of the test set."""
        if self.tested is None:
            return 1 / self.classes
        present = [pixels for pixels in self.tested if pixels]
        if len(present) < 2:
            return 1.0
        odds = sum(pixels / (sum(present) - pixels) for pixels in present)
        return odds / (odds + 1) / len(present)

    def loss(self, logits: Tensor, y: Tensor) -> Tensor:
        """Weighted cross-entropy of logits (B, outputs, H, W) and labels (B, H, W): over the weights of the pixels that
        count, and 0 where none does."""
        exact = logits if logits.dtype in (torch.float32, torch.float64) else logits.float()
        known = y != self.void
        weights = _weights(self.weights or (1.0,) * self.classes, exact.shape[1], exact.device).to(exact.dtype)
        total = cross_entropy(exact, y, weights, ignore_index=self.void, reduction="sum")
        return total / (weights[y.masked_fill(~known, 0)] * known).sum().clamp(min=torch.finfo(exact.dtype).tiny)

    def tally(self, logits: Tensor, y: Tensor) -> Tensor:
        """int64: the confusion matrix (classes, outputs), truth by answer; the sum over frames of v v', (2 classes, 2
        classes), where v are the intersections and the unions of a frame; frames; pixels without a finite answer."""
        frames, outputs = logits.shape[:2]
        guesses = logits.argmax(dim=1)  # (B, H, W)
        truth = y.where(y != self.void, self.classes)  # void in a row of its own, which is cut off
        frame = torch.arange(frames, device=y.device)[:, None, None]
        places = ((frame * (self.classes + 1) + truth) * outputs + guesses).flatten()
        counts = torch.zeros(frames * (self.classes + 1) * outputs, dtype=torch.int64, device=y.device)
        counts.index_add_(0, places, torch.ones_like(places))  # not bincount, which waits for a GPU
        matrices = counts.view(frames, self.classes + 1, outputs)[:, : self.classes]
        both = torch.cat(overlap(matrices), dim=1)  # (B, 2 classes)
        squares = (both[:, :, None] * both[:, None, :]).sum(dim=0)
        broken = (~logits.float().logsumexp(dim=1).isfinite()).sum()
        ends = torch.stack([broken.new_full((), frames), broken])
        return torch.cat([matrices.sum(dim=0).flatten(), squares.flatten(), ends])

    def mistakes(self, logits: Tensor, y: Tensor) -> None:
        """A frame has as many answers as pixels."""

    def scores(self, tally: Tensor) -> dict[str, float]:
        """Mean IoU, the share of the pixels that is right, and where there are two frames the standard error of the
        former."""
        tally = tally.cpu()
        side = 2 * self.classes
        matrix, frames = self.matrix(tally), int(tally[-2])
        squares = tally[-(side**2) - 2 : -2].view(side, side).double()
        intersection, union = overlap(matrix.double()[None])
        iou = (intersection / union)[0]  # (classes,), nan for one that is nowhere
        found = {"miou": iou.nanmean().nan_to_num().item()}
        found["pixel_accuracy"] = (intersection.sum() / matrix.sum().clamp(min=1)).item()
        if frames > 1:
            slope = torch.cat([1 / union[0], -iou / union[0]]) / iou.isfinite().sum()  # of the mean, by v
            slope = slope.nan_to_num(posinf=0)
            found["miou_error"] = math.sqrt(max((slope @ squares @ slope).item(), 0) * frames / (frames - 1))
        return found

    def matrix(self, tally: Tensor) -> Tensor:
        """(classes, outputs) int64: pixels by truth and answer."""
        return tally[: -((2 * self.classes) ** 2) - 2].view(self.classes, -1)

    def flaw(self, tally: Tensor) -> Flaw | None:
        """Answers that are not finite, else one class for every pixel that counts."""
        if tally[-1]:
            return "not finite"
        return "constant" if (self.matrix(tally).sum(dim=0) > 0).sum() == 1 else None

    def error(self, score: float, samples: int) -> float:
        """None of what guessing scores: `chance` is its bound on this test set. That of a network is among its scores,
        for it does not follow from the score."""
        return 0.0

    def paint(self, labels: Tensor) -> Tensor:
        """(H, W, 3) uint8 of labels or answers (H, W): a colour a class, as PASCAL VOC has them; void is black."""
        colours = torch.tensor([[0, 0, 0], *(colour(c + 1) for c in range(self.classes))], dtype=torch.uint8)
        known = labels.clamp(max=self.classes).cpu()
        return colours[torch.where(known < self.classes, known + 1, 0)]


def overlap(matrices: Tensor) -> tuple[Tensor, Tensor]:
    """Intersections and unions (B, classes) of confusion matrices (B, classes, outputs)."""
    intersection = matrices.diagonal(dim1=1, dim2=2)
    answered = matrices.sum(dim=1)[:, : matrices.shape[1]]
    return intersection, matrices.sum(dim=2) + answered - intersection


def erfnet_weights(pixels: Tensor) -> tuple[float, ...]:
    """1 / log(1.10 + p) of every class (Romera et al., 2018, section IV-A), from its number of pixels (classes,)."""
    share = pixels.double() / pixels.sum().clamp(min=1)
    return tuple((1 / (WEIGHT_BASE + share).log()).tolist())


def colour(number: int) -> list[int]:
    """Red, green, blue of VOC's colour map: the bits of the number, three by three, from the highest of a byte down."""
    return [sum((number >> (3 * place + part) & 1) << (7 - place) for place in range(8)) for part in range(3)]


@functools.lru_cache(maxsize=64)  # made once, and not in every step
def _weights(weights: tuple[float, ...], outputs: int, device: torch.device) -> Tensor:
    """(outputs,) float64; of an output that is no class, 0."""
    return moved(torch.tensor([*weights, *[0.0] * (outputs - len(weights))], dtype=torch.float64), device)
