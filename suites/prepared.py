"""Photographs resized once into tar shards, the layout of webdataset, from which single images are read by their place.

A shard is a tar of 1,000 images: `00000042.jpg` and `00000042.cls`, its class as a number. Beside it a JSON says what
is where in it, and its SHA-256. `_info.json` names all shards, as timm's reader of webdatasets wants it, the classes,
and what was left out. JPEG of quality 90, as FFCV prepares ImageNet (write_imagenet.sh there); a JPEG that is no larger
than asked for keeps its bytes.
"""

import functools
import hashlib
import io
import json
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from pydantic import TypeAdapter, ValidationError
from torch.utils.data import DataLoader, Dataset

from cheapconv.catalog.errors import UserError, reason
from cheapconv.suites import packed
from cheapconv.suites.base import Part
from cheapconv.suites.folders import Listed
from cheapconv.suites.loader import default_workers, quiet_iterator, settle_worker
from cheapconv.suites.photo import BrokenImageError, Photo
from cheapconv.suites.photos import Photos
from cheapconv.suites.place import seed_of
from cheapconv.suites.skipped import most_broken, too_many
from cheapconv.suites.tars import add

INFO = "_info.json"
IMAGES_A_SHARD = 1000
QUALITY = 90
SPLITS = ("train", "val")


@dataclass(frozen=True, kw_only=True)
class Shard:
    """What the JSON beside a shard says."""

    tar: str
    sha256: str
    split: str
    images: list[tuple[str, int, int, int]]  # original file, label, first byte, bytes
    skipped: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class WrittenSplit:
    """Of `_info.json`, in timm's words."""

    name: str
    filenames: list[str]
    shard_lengths: list[int]
    num_samples: int


@dataclass(frozen=True, kw_only=True)
class WrittenInfo:
    """`_info.json`."""

    side: int
    classes: list[str]
    splits: dict[str, WrittenSplit]
    sha256: dict[str, str]  # of every shard
    skipped: dict[str, str]


_Shard, _Info = TypeAdapter(Shard), TypeAdapter(WrittenInfo)


@dataclass(frozen=True)
class Resizing:
    """Photographs to train on and to test with, on their way into shards (`suites.base.Preparation`)."""

    found: Listed
    side: int

    @property
    def parts(self) -> Sequence[Part]:
        """The shards, each of images that are drawn from all classes: a reader that streams sees them mixed."""
        return [*self._parts()]

    def finish(self, done: Sequence[bytes]) -> tuple[str, bytes]:
        """`_info.json`; a UserError where too many images are broken."""
        shards = [_Shard.validate_json(text) for text in done]
        skipped = {name: what for shard in shards for name, what in shard.skipped.items()}
        images = sum(len(shard.images) for shard in shards) + len(skipped)
        if len(skipped) > most_broken(images):
            raise UserError(f"{too_many(skipped, images)}.")
        splits = {}
        for name in SPLITS:
            own = [shard for shard in shards if shard.split == name]
            lengths = [len(shard.images) for shard in own]
            tars = [shard.tar for shard in own]
            splits[name] = WrittenSplit(name=name, filenames=tars, shard_lengths=lengths, num_samples=sum(lengths))
        info = WrittenInfo(
            side=self.side,
            classes=[*self.found.class_names],
            splits=splits,
            sha256={shard.tar: shard.sha256 for shard in shards},
            skipped=skipped,
        )
        return INFO, _text(info)

    def _parts(self) -> Iterator[Part]:
        for split, photos in zip(SPLITS, (self.found.train, self.found.test), strict=True):
            assert photos is not None, "what is prepared has a test set"
            generator = torch.Generator().manual_seed(seed_of("shards", split))
            order = torch.randperm(len(photos), generator=generator)
            for number, chosen in enumerate(order.split(IMAGES_A_SHARD)):
                shard = Making(photos.take(chosen.numpy()), self.side, split, number)
                yield Part(f"{shard.name}.json", shard.make)


@dataclass(frozen=True)
class Making(Dataset[bytes | str]):
    """One shard."""

    photos: Photos
    side: int
    split: str
    number: int

    @functools.cached_property
    def name(self) -> str:
        """Of its files, without their endings, and with a hash of what goes into it: a shard of other images, or of
        another side, is another file."""
        labels = self.photos.labels.tolist()
        images = [(self.photos.name(i), self.photos.length(i), label) for i, label in enumerate(labels)]
        text = json.dumps([self.side, QUALITY, images]).encode(errors="surrogateescape")
        return f"{self.split}-{self.number:05d}-{hashlib.sha256(text).hexdigest()[:8]}"

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, index: int) -> bytes | str:
        """The resized image's file, or what is wrong with it."""
        try:
            return resized(self.photos.read(index), self.side)
        except (BrokenImageError, OSError) as error:
            return reason(error)

    def make(self) -> Mapping[str, bytes]:
        """The tar, and the JSON beside it."""
        images: list[tuple[str, int, int, int]] = []
        skipped: dict[str, str] = {}
        body = io.BytesIO()
        with tarfile.open(fileobj=body, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for index, data in enumerate(self._images()):
                name, label = self.photos.name(index), int(self.photos.labels[index])
                if isinstance(data, str):
                    skipped[name] = data
                    continue
                key = f"{self.number * IMAGES_A_SHARD + index:08d}"
                images.append((name, label, add(tar, f"{key}.jpg", data), len(data)))
                add(tar, f"{key}.cls", str(label).encode())
        tarred = body.getvalue()
        shard = Shard(
            tar=f"{self.name}.tar",
            sha256=hashlib.sha256(tarred).hexdigest(),
            split=self.split,
            images=images,
            skipped=skipped,
        )
        return {shard.tar: tarred, f"{self.name}.json": _text(shard)}

    def _images(self) -> Iterator[bytes | str]:
        workers = min(default_workers() + 1, len(self) // 16)  # every core, unless there is little to do
        loader = DataLoader(
            self, batch_size=None, num_workers=workers, worker_init_fn=settle_worker, generator=torch.Generator()
        )
        yield from quiet_iterator(loader)


def resized(data: bytes, side: int) -> bytes:
    """A photograph's file with a shorter side of at most `side` pixels; BrokenImageError where it is none."""
    photo = Photo(data)
    width, height = photo.size
    scale = min(1.0, side / min(width, height))
    to = max(1, round(width * scale)), max(1, round(height * scale))
    image = photo.crop((0, 0, width, height), to)  # also where it is kept: broken ones are found here
    if scale == 1 and photo.is_plain:
        return data
    file = io.BytesIO()
    image.save(file, "JPEG", quality=QUALITY)
    return file.getvalue()


def is_store(path: Path) -> bool:
    """Whether a folder holds what was prepared, to its end."""
    return (path / INFO).is_file() and not packed.is_packed(path)


def info(path: Path) -> WrittenInfo:
    """What a store says of itself; a UserError where it is damaged."""
    try:
        return _Info.validate_json((path / INFO).read_bytes())
    except (OSError, ValidationError) as error:
        raise UserError(f"{path / INFO} is damaged ({reason(error)}): prepare the data again.") from error


def listed(path: Path) -> Listed:
    """The photographs in a store; a UserError where one of its files is missing or cut off."""
    about = info(path)
    train, test = (_photos(path, about.splits[split].filenames) for split in SPLITS)
    return Listed(tuple(about.classes), train, test)


def _photos(path: Path, tars: Sequence[str]) -> Photos:
    places, labels = [], []
    for number, tar in enumerate(tars):
        beside = (path / tar).with_suffix(".json")
        try:
            images = _Shard.validate_json(beside.read_bytes()).images
            size = (path / tar).stat().st_size
        except (OSError, ValidationError) as error:
            raise UserError(f"{beside} or its tar is missing or damaged: prepare the data again.") from error
        if images and size < images[-1][2] + images[-1][3]:
            raise UserError(f"{path / tar} is cut off: prepare the data again.")
        places.append(np.array([(number, first, length) for _, _, first, length in images]).reshape(-1, 3))
        labels += [label for _, label, _, _ in images]
    names = np.array([tar.encode() for tar in tars], dtype=np.bytes_)
    return Photos(path, names, np.concatenate(places), np.array(labels, dtype=np.int64))


def _text(body: Shard | WrittenInfo) -> bytes:
    return (json.dumps(asdict(body), indent=1) + "\n").encode()
