"""What a recipe does to its images: how they are cropped, mirrored, strengthened, mixed and normalised."""

from dataclasses import dataclass
from typing import Literal

Padding = Literal["zero", "reflect"]
View = Literal["weak", "strong"]
MixKind = Literal["mixup", "cutmix"]


@dataclass(frozen=True, kw_only=True)
class Strong:
    """RandAugment (suites/strong.py): so many operations an image, at a magnitude of 0 to 30."""

    ops: int = 2  # torchvision's default, as the magnitude
    magnitude: int = 9


@dataclass(frozen=True, kw_only=True)
class Mix:
    """Images of a batch mixed in pairs, and their labels with them (suites/mix.py); `alpha` of Beta(alpha, alpha)."""

    kind: MixKind
    alpha: float


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Pad by `pad` pixels and crop back at random; mirror left-right with probability 1/2 when `flip`.

    The border is black, or with `reflect` the image mirrored. With `cutout` a square of so many pixels a side, centred
    at random and cut off at the border, is the mean colour, 0 after normalising (DeVries and Taylor, 2017). Photographs
    from a disk are not padded: a crop is a share of their area between the two of `area`.

    All this is a weak view. `views` says which of the views that a method asks for are strong, RandAugment between the
    crop and the cutout; those beyond its end are as the last one. Without it all are weak.

    Frames with a label for every pixel (suites/frames.py) may be scaled by a factor drawn evenly from `scale`, and
    `crop` is then the (height, width) of what is cut out of them; by default their own.
    """

    pad: int
    flip: bool
    padding: Literal["reflect"] | None = None
    cutout: int | None = None
    views: tuple[View, ...] | None = None
    strong: Strong | None = None  # of the strong views
    crop: tuple[int, int] | None = None
    scale: tuple[float, float] | None = None
    area: tuple[float, float] | None = None

    def of_view(self, number: int) -> Strong | None:
        """RandAugment, where the view of this number is a strong one."""
        return self.strong if self.views and self.views[min(number, len(self.views) - 1)] == "strong" else None


@dataclass(frozen=True, kw_only=True)
class Growth:
    """Sides of training crops that grow in a run: `first` until the share `start` of it, linearly up to `last` from
    `end` on, in steps of 32 pixels (Touvron et al., arXiv:1906.06423, on why they end below the side of evaluation)."""

    first: int
    last: int
    start: float
    end: float

    def side(self, done: float) -> int:
        """The side at a share of the run."""
        way = min(max((done - self.start) / (self.end - self.start), 0.0), 1.0)
        return max(32, round((self.first + way * (self.last - self.first)) / 32) * 32)


@dataclass(frozen=True, kw_only=True)
class Normalisation:
    """Per-channel mean and standard deviation, in units of the [0, 1] pixel range."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]


def _bytes(*values: float) -> tuple[float, float, float]:
    red, green, blue = (value / 255 for value in values)
    return red, green, blue


NORMALISATIONS = {  # by the data set; the codes of the papers differ
    "c10-a": Normalisation(mean=(0.4914, 0.4822, 0.4465), std=(0.2023, 0.1994, 0.2010)),  # Moonshine, OD, ONE
    "c10-b": Normalisation(mean=(0.4914, 0.4822, 0.4465), std=(0.2470, 0.2435, 0.2616)),  # of the images; OKDDip
    "c10-c": Normalisation(mean=_bytes(125.3, 123.0, 113.9), std=_bytes(63.0, 62.1, 66.7)),  # attention transfer
    "c100-a": Normalisation(mean=(0.5071, 0.4867, 0.4408), std=(0.2675, 0.2565, 0.2761)),  # of the images; RepDistiller
    "c100-b": Normalisation(mean=(0.5071, 0.4866, 0.4409), std=(0.2009, 0.1984, 0.2023)),  # Moonshine's odd std
    "c100-c": Normalisation(mean=(0.5071, 0.4865, 0.4409), std=(0.2673, 0.2564, 0.2762)),  # OKDDip, FFSD
    "c100-d": Normalisation(mean=_bytes(129.3, 124.1, 112.4), std=_bytes(68.2, 65.4, 70.4)),  # FFL
    "imagenet": Normalisation(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)),
}
