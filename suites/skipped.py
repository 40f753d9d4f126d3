"""Images that cannot be decoded: counted, named, and too many of them the end of a training."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

SHARE = 1000  # of so many images one may be broken, and one of fewer


class TooManyBrokenError(Exception):
    """More images are broken than a comparison can bear; the text names them."""


@dataclass
class Skipped:
    """Broken images of a data set of `images` of them: by name, what is wrong."""

    images: int
    found: dict[str, str] = field(default_factory=dict)

    def add(self, broken: Iterable[tuple[str, str]]) -> None:
        """Note some; TooManyBrokenError with the next after the last that may be."""
        self.found |= dict(broken)
        if len(self.found) > most_broken(self.images):
            raise TooManyBrokenError(too_many(self.found, self.images))


def most_broken(images: int) -> int:
    """How many of so many images may be broken."""
    return max(1, images // SHARE)


def too_many(broken: Mapping[str, str], images: int) -> str:
    """Which images are broken, in a sentence, and that they are too many."""
    names = "; ".join(f"{name} ({what})" for name, what in sorted(broken.items()))
    return f"{len(broken)} of {images} images cannot be read, and at most {most_broken(images)} may be: {names}"
