"""Images that cannot be decoded: counted, named, and too many of them the end of a training."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cheapconv.catalog.errors import some

SHARE = 1000  # of so many images one may be broken, and one of fewer
MOST_NAMED = 5  # in a sentence that goes on


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
    names = "; ".join(_named(broken))
    return f"{len(broken)} of {images} images cannot be read, and at most {most_broken(images)} may be: {names}"


def left_out(broken: Mapping[str, str], images: int) -> str:
    """How many images are broken and left out, in a sentence, and the first of them."""
    verb = "is" if len(broken) == 1 else "are"
    return f"{len(broken)} of {images} images cannot be read and {verb} left out: {some(_named(broken), MOST_NAMED)}"


def _named(broken: Mapping[str, str]) -> list[str]:
    """Their names, sorted, and what is wrong with each."""
    return [f"{name} ({what})" for name, what in sorted(broken.items())]
