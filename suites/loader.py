"""Data that stays on the disk: photographs decoded, cropped and mirrored by worker processes, normalised on the device.

Torch's DataLoader over files. The order of an epoch follows from (seed, epoch), and everything that is drawn for a
sample from (seed, epoch, index): however many workers there are, wherever an epoch is resumed and however many places
share a batch, the batches are the same bits. An image that cannot be decoded is replaced by the next one that can, in
training; at an evaluation it is left out.
"""

import contextlib
import ctypes
import gc
import os
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from cheapconv.catalog.errors import UserError, reason
from cheapconv.suites.augmentation import Augmentation
from cheapconv.suites.base import Batch, Split
from cheapconv.suites.crops import Draws, augmented, middle
from cheapconv.suites.memory import cut_out, held_out, normalise
from cheapconv.suites.mix import soften
from cheapconv.suites.photo import BrokenImageError
from cheapconv.suites.photos import Photos
from cheapconv.suites.place import Place, cores, moved, seed_of
from cheapconv.suites.recipe import Recipe
from cheapconv.suites.skipped import Skipped
from cheapconv.suites.strong import strengthen

WORKERS = "CHEAPCONV_WORKERS"
MOST_WORKERS = 16
EVAL_BATCH = 100

T = TypeVar("T")


def default_workers() -> int:
    """How many processes decode images: CHEAPCONV_WORKERS, else one less than there are cores, at most 16."""
    asked = os.environ.get(WORKERS)
    if asked is None:
        return min(cores() - 1, MOST_WORKERS)
    if not asked.isdecimal() or int(asked) > 10**3:
        raise UserError(f"{WORKERS} is '{asked}': set it to a number of processes, 0 for none beside the trainer.")
    return int(asked)


class Sample(NamedTuple):
    """What a worker makes of one image, every view of it; no pixels where it is broken and nothing takes its place."""

    pixels: Tensor | None  # (views, H, W, 3) uint8
    label: int
    position: int  # that was asked for: the index
    holes: Tensor  # (views, 2) int64: row and column
    broken: list[tuple[str, str]]  # the name of an image, and what is wrong with it


class WorkerBatch(NamedTuple):
    """Some of them, as they come from a worker."""

    pixels: Tensor  # (views, B, H, W, 3) uint8
    y: Tensor  # (B,) int64
    positions: Tensor  # (B,) int64
    holes: Tensor  # (views, B, 2) int64
    broken: list[tuple[str, str]]


@dataclass(frozen=True)
class TrainImages(Dataset[Sample]):
    """An epoch's augmented images, by index."""

    photos: Photos
    side: int
    augmentation: Augmentation
    draws: Draws
    views: int

    def __getitem__(self, index: int) -> Sample:
        broken: list[tuple[str, str]] = []
        for step in range(len(self.photos)):
            shown = (index + step) % len(self.photos)
            try:
                pixels, holes = self._views(shown, index)
                return Sample(pixels, int(self.photos.labels[shown]), index, holes, broken)
            except (BrokenImageError, OSError) as error:
                broken.append((self.photos.name(shown), reason(error)))
        raise BrokenImageError("none of the training images can be read")

    def _views(self, shown: int, index: int) -> tuple[Tensor, Tensor]:
        """(views, H, W, 3) and (views, 2) of one image, by the random numbers of the index that was asked for."""
        data, draw = self.photos.read(shown), self.draws.of(index)
        images, holes = [], []
        for view in range(self.views):
            image = torch.from_numpy(np.array(augmented(data, self.side, self.augmentation, draw)))
            images.append(self._strengthened(image, view, index))
            holes.append((draw.randrange(self.side), draw.randrange(self.side)))  # whether or not anything is cut
        return torch.stack(images), torch.tensor(holes)

    def _strengthened(self, image: Tensor, view: int, index: int) -> Tensor:
        """An image (H, W, 3) as the view of that number shows it."""
        strong = self.augmentation.of_view(view)
        if strong is None:
            return image
        planes = image.permute(2, 0, 1)[None]
        return strengthen(planes, strong, self.draws.seed, self.draws.epoch, view, [index])[0].permute(1, 2, 0)


@dataclass(frozen=True)
class EvaluationImages(Dataset[Sample]):
    """The images of a split without augmentation."""

    photos: Photos
    side: int

    def __getitem__(self, index: int) -> Sample:
        label, holes = int(self.photos.labels[index]), torch.empty(1, 0, dtype=torch.int64)
        try:
            pixels = np.asarray(middle(self.photos.read(index), self.side))
        except (BrokenImageError, OSError) as error:
            return Sample(None, label, index, holes, [(self.photos.name(index), reason(error))])
        return Sample(torch.from_numpy(np.array(pixels))[None], label, index, holes, [])


@dataclass(frozen=True)
class ShareSampler:
    """A place's share of the batches of an epoch, as lists of indices: every `world`-th sample, its own first."""

    order: Tensor  # (N,) int64
    batch: int
    steps: int
    start: int
    rank: int = 0
    world: int = 1

    def __len__(self) -> int:
        return self.steps - self.start

    def __iter__(self) -> Iterator[list[int]]:
        for step in range(self.start, self.steps):
            first = step * self.batch
            yield self.order[first + self.rank : first + self.size(step) : self.world].tolist()

    def size(self, step: int) -> int:
        """Number of samples of a batch, in all places."""
        return len(self.order) - step * self.batch if step + 1 == self.steps else self.batch


@dataclass(frozen=True)
class Loader:
    """A data set of photographs on a disk (`suites.base.Data`)."""

    photos: Photos  # to train on
    test: Photos
    class_names: tuple[str, ...]
    side: int
    place: Place
    skipped_images: Skipped
    workers: int = field(default_factory=default_workers)
    held: Photos | None = None  # out of the training images, for validation

    @property
    def samples(self) -> int:
        """Number of training images."""
        return len(self.photos)

    @property
    def labels(self) -> Tensor:
        """(N,) of the training images."""
        return torch.from_numpy(self.photos.labels).to(self.place.device)

    @property
    def image(self) -> tuple[int, int, int]:
        """(3, side, side)."""
        return 3, self.side, self.side

    @property
    def skipped(self) -> dict[str, str]:
        """Images that could not be decoded so far, and why."""
        return self.skipped_images.found

    def at(self, place: Place) -> "Loader":
        """The same photographs for another place of the device."""
        return replace(self, place=place)

    def steps(self, recipe: Recipe) -> int:
        """Number of batches of an epoch, with the last partial one."""
        return recipe.steps(self.samples)

    def train(self, recipe: Recipe, seed: int, epoch: int, start: int = 0, views: int = 1) -> Iterator[Batch]:
        """This place's share of the batches of an epoch from batch `start` on."""
        generator = torch.Generator().manual_seed(seed_of("batches", seed, epoch))
        order = torch.randperm(self.samples, generator=generator)  # (N,)
        # What is mixed needs all of the batch for its partners, and is shared out afterwards.
        place = replace(self.place, rank=0, world=1) if recipe.mix is not None else self.place
        share = ShareSampler(order, recipe.batch, self.steps(recipe), start, place.rank, place.world)
        side, cutout = recipe.side(self.side, epoch), recipe.augmentation.cutout
        epoch_of = TrainImages(self.photos, side, recipe.augmentation, Draws(seed, epoch), views)
        for step, samples in enumerate(self.load(epoch_of, share), start):
            copies = tuple(self._normalised(pixels, recipe) for pixels in samples.pixels)
            for copy, holes in zip(copies, samples.holes, strict=True):
                if cutout:
                    cut_out(copy, moved(holes, self.place.device), cutout)
            y, index = moved(samples.y, self.place.device), moved(samples.positions, self.place.device)
            batch = Batch(copies[0], y, index, copies)
            batch = soften(batch, recipe, len(self.class_names), seed, epoch, step)
            if place.world > 1:
                batch = replace(batch, whole=share.size(step))
            yield batch.part(self.place.rank, self.place.world) if place.world < self.place.world else batch

    def size(self, split: Split) -> int:
        """Number of images of a split."""
        return len(self._of(split))

    def split(self, split: Split, recipe: Recipe) -> Iterator[tuple[Tensor, Tensor]]:
        """This place's batches of its images in order, normalised, and their labels."""
        photos, rank, world = self._of(split), self.place.rank, self.place.world
        batches = torch.arange(len(photos)).split(EVAL_BATCH)[rank::world]
        order = torch.cat([*batches, torch.arange(0)])
        share = ShareSampler(order, EVAL_BATCH, -(-len(order) // EVAL_BATCH), start=0)
        for samples in self.load(EvaluationImages(photos, self.side), share):
            if len(samples.y):
                yield self._normalised(samples.pixels[0], recipe), samples.y.to(self.place.device)

    def hold_out(self, count: int) -> "Loader":
        """The data with `count` training images set aside for validation, drawn without a look at any seed."""
        held, kept = held_out(self.samples, count)
        return replace(self, photos=self.photos.take(kept.numpy()), held=self.photos.take(held.numpy()))

    def _of(self, split: Split) -> Photos:
        """The photographs of a split."""
        if split == "test":
            return self.test
        return self.held if self.held is not None else self.test.take([])

    def _normalised(self, pixels: Tensor, recipe: Recipe) -> Tensor:
        """Bytes (B, H, W, 3) as float32 (B, 3, H, W) on the device, channels last."""
        shown = moved(pixels, self.place.device)  # a quarter of what floats would be
        return normalise(shown.permute(0, 3, 1, 2), recipe.normalisation)

    def load(self, images: Dataset[Sample], share: ShareSampler) -> Iterator[WorkerBatch]:
        """What workers make of the images, in order; broken ones are noted."""
        loader = DataLoader(
            images,
            batch_sampler=share,
            num_workers=min(-(-self.workers // self.place.world), len(share)),
            collate_fn=collate,
            pin_memory=self.place.device.type == "cuda",
            worker_init_fn=settle_worker,
            # Without one of its own it would draw from the process's random numbers, which are the method's.
            generator=torch.Generator(),
        )
        give_back()
        for samples in quiet_iterator(loader):
            self.skipped_images.add(samples.broken)
            yield samples


def collate(samples: list[Sample]) -> WorkerBatch:
    """Samples as a batch, without those that have no pixels."""
    broken = [found for sample in samples for found in sample.broken]
    shown = [sample for sample in samples if sample.pixels is not None]
    y, index = (torch.tensor([getattr(sample, of) for sample in shown]) for of in ("label", "position"))
    pixels = [sample.pixels for sample in shown if sample.pixels is not None]
    if not pixels:
        return WorkerBatch(torch.empty(1, 0, 0, 0, 3, dtype=torch.uint8), y, index, torch.empty(1, 0, 2), broken)
    return WorkerBatch(torch.stack(pixels, dim=1), y, index, torch.stack([s.holes for s in shown], dim=1), broken)


def give_back() -> None:
    """Let the heap of glibc, where there is one, return what is free in it: after an epoch of batches that come and go
    it has holes of tens of megabytes, which every worker would inherit."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def quiet_iterator(loader: Iterable[T]) -> Iterator[T]:
    """What a loader gives, its workers started without a warning."""
    with warnings.catch_warnings():
        # Python warns of a fork beside threads: the workers only decode, and take no lock that a thread may hold.
        warnings.simplefilter("ignore", DeprecationWarning)
        return iter(loader)


def settle_worker(worker: int) -> None:
    """Begin a worker's life.

    Out of the process group: a Ctrl-C is the trainer's, who ends its workers. If it is killed, they end by themselves:
    torch lets them look for their parent every few seconds. And what the trainer holds is not looked at for garbage,
    which would copy it page by page.
    """
    gc.freeze()
    with contextlib.suppress(OSError, AttributeError):  # a session of its own already; not on Windows
        os.setpgid(0, 0)
