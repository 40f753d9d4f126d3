"""A folder of photographs as a data set: what is trained on, what is tested, and the name of all of it.

Where a folder has no test images, an image is one of them by the hash of its bytes alone, with odds of 1 in 5 in every
class: a file that is added moves no other. A class of which the odds leave nothing to test, or to train on, gives its
image of the lowest hash. Images are in the order of their hashes, so that a data set is the same wherever it lies,
whatever its files are called and however they came there.
"""

import functools
import hashlib
import json
import logging
import multiprocessing
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cheapconv.catalog.errors import UserError, some
from cheapconv.suites.augmentation import Normalisation
from cheapconv.suites.examined import Facts, examine
from cheapconv.suites.folders import MOST_NAMED, Listed
from cheapconv.suites.photos import Photos
from cheapconv.suites.skipped import left_out, most_broken, too_many

log = logging.getLogger(__name__)

TEST_SHARE = 0.2
DIGITS = 4  # of the mean and standard deviation


@dataclass(frozen=True)
class Division:
    """Photographs to train on and to test with, without the broken ones."""

    class_names: tuple[str, ...]
    train: Photos
    test: Photos
    normalisation: Normalisation  # of the training images
    fingerprint: str
    skipped: dict[str, str]  # broken ones, and what is wrong with them

    @property
    def images(self) -> int:
        """All that were found."""
        return len(self.train) + len(self.test) + len(self.skipped)


@dataclass(frozen=True)
class _Half:
    """Photographs of a split, with their facts, in the order of these."""

    photos: Photos
    facts: Sequence[Facts]

    def where(self, chosen: Sequence[int]) -> "_Half":
        """Some of them, by the hash of what they hold."""
        order = sorted(chosen, key=lambda i: (self.facts[i].sha256, int(self.photos.labels[i])))
        return _Half(self.photos.take(order), [self.facts[i] for i in order])

    @property
    def contents(self) -> list[tuple[str, int]]:
        """Hash and label of each."""
        return [(fact.sha256, label) for fact, label in zip(self.facts, self.photos.labels.tolist(), strict=True)]


def divide(path: Path, found: Listed, side: int) -> Division:
    """The data set of a folder, whose images that are broken or of two classes are told; a UserError for too many of
    them, a class that is left without any, and images that are both trained on and tested."""
    halves = [_Half(part, examine(part, side)) for part in (found.train, found.test) if part is not None]
    skipped = {half.photos.name(i): fact.broken for half in halves for i, fact in enumerate(half.facts) if fact.broken}
    images = sum(len(half.facts) for half in halves)
    if len(skipped) > most_broken(images):
        raise UserError(f"{path}: {too_many(skipped, images)}.")
    if skipped and multiprocessing.parent_process() is None:  # else the run that waits for this process has told it
        _tell(f"{path}: {left_out(skipped, images)}")
    whole = [half.where([i for i, fact in enumerate(half.facts) if not fact.broken]) for half in halves]
    _tell_two_classes(path, whole)
    train, test = whole if len(whole) == 2 else _split(whole[0], found.class_names)
    _refuse_empty(path, found, train, test)
    _refuse_shared(path, train, test)
    text = json.dumps([found.class_names, train.contents, test.contents])
    return Division(
        class_names=found.class_names,
        train=train.photos,
        test=test.photos,
        normalisation=_normalisation(train.facts, side),
        fingerprint=hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:16],
        skipped=skipped,
    )


def _split(whole: _Half, class_names: Sequence[str]) -> tuple[_Half, _Half]:
    """To train on, and to test with."""
    tested: set[int] = set()
    for label in range(len(class_names)):
        ours = [i for i, (_, other) in enumerate(whole.contents) if other == label]
        low = [i for i in ours if int(whole.facts[i].sha256[:8], 16) < TEST_SHARE * 2**32]
        same = {whole.facts[i].sha256 for i in ours[:1]}
        fallback = [i for i in ours if whole.facts[i].sha256 in same]  # with its copies: they stay together
        tested |= {*(low if low and len(low) < len(ours) else fallback)}
    kept = [i for i in range(len(whole.facts)) if i not in tested]
    return whole.where(kept), whole.where(sorted(tested))


@functools.cache  # once, however often a data set is looked at
def _tell(sentence: str) -> None:
    log.warning(sentence)


def _refuse_empty(path: Path, found: Listed, train: _Half, test: _Half) -> None:
    """UserError for a class with nothing to train on, or to test with."""
    trained, tested = ({label for _, label in half.contents} for half in (train, test))
    for label, name in enumerate(found.class_names):
        if label in trained & tested:
            continue
        has = f"no image to {'test with' if label in trained else 'train on'} that can be read"
        if label in tested and found.test is None:
            has = "one image that can be read, or copies of one, which the split keeps for the test: give it more"
        raise UserError(f"{path}: class '{name}' has {has}.")


def _tell_two_classes(path: Path, halves: Sequence[_Half]) -> None:
    """Images that are in two classes, of which one is wrong, are told; a UserError for more of them than may be broken:
    a folder was copied into another."""
    known: dict[str, tuple[int, str]] = {}  # by what it holds, the first class and file
    pairs = []
    for half in halves:
        for i, (content, label) in enumerate(half.contents):
            first, one = known.setdefault(content, (label, half.photos.name(i)))
            pairs += [f"{one} = {half.photos.name(i)}"] if label != first else []
    said = f"{path} has the same images in two classes: {some(pairs, MOST_NAMED)}; remove one of each"
    if len(pairs) > most_broken(sum(len(half.facts) for half in halves)):
        raise UserError(f"{said}.")
    if pairs and multiprocessing.parent_process() is None:
        _tell(said)


def _refuse_shared(path: Path, train: _Half, test: _Half) -> None:
    """UserError for an image that is trained on and tested."""
    trained = {fact.sha256: train.photos.name(i) for i, fact in enumerate(train.facts)}
    shared = [(trained[f.sha256], test.photos.name(i)) for i, f in enumerate(test.facts) if f.sha256 in trained]
    if shared:
        pairs = some([f"{one} = {other}" for one, other in shared], MOST_NAMED)
        raise UserError(f"{path} is trained and tested on the same images: {pairs}; remove one of each.")


def _normalisation(facts: Sequence[Facts], side: int) -> Normalisation:
    """Mean and standard deviation over all pixels of all images."""
    pixels = len(facts) * side**2
    sums, squares = (np.array([getattr(fact, of) for fact in facts]).sum(axis=0) for of in ("sums", "squares"))  # (3,)
    mean = sums / pixels
    std = np.sqrt(np.maximum(squares / pixels - mean**2, 1e-4))  # of images of one colour it would be 0
    red, green, blue = (round(value, DIGITS) for value in mean.tolist())
    r, g, b = (round(value, DIGITS) for value in std.tolist())
    return Normalisation(mean=(red, green, blue), std=(r, g, b))
