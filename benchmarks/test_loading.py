"""Images/s of what feeds a training: raw photographs and prepared ones, crops of 224 and 64, a step to compare with.

CHEAPCONV_PHOTOS names a folder with train/ and val/ of class folders; without it synthetic JPEGs, 500 x 375, are made.
Rows of `none` decode in the process, `two` in two workers; a step is ResNet-18's forward and backward on the CPU. On a
machine that does other work, `-k none --benchmark-timer=time.process_time` counts the seconds of this process alone.
"""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import cross_entropy

from cheapconv import catalog
from cheapconv.engine.run.prepare import prepare
from cheapconv.models.build import build_network
from cheapconv.suites import prepared
from cheapconv.suites.folders import in_two
from cheapconv.suites.imagenet import ImageNet
from cheapconv.suites.loader import Loader
from cheapconv.suites.photos import Photos
from cheapconv.suites.place import Place
from cheapconv.suites.skipped import Skipped

FILES, IMAGES, BATCH = 64, 512, 16  # each image several times, so that the start of workers weighs little
PLACE = Place(torch.device("cpu"))


def synthetic(root: Path) -> Path:
    """Noise of the sharpness of a photograph: about 90 kB a file."""
    draw = np.random.default_rng(0)
    for split, count in (("train", FILES), ("val", 8)):
        for number in range(count):
            home = root / split / "ab"[number % 2]
            home.mkdir(parents=True, exist_ok=True)
            coarse = Image.fromarray(draw.integers(0, 256, (125, 167, 3), dtype=np.uint8))
            coarse.resize((500, 375), Image.Resampling.BICUBIC).save(home / f"{number}.jpg", quality=90)
    return root


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Photos]:
    """The same images as files and prepared with a shorter side of 256."""
    named = os.environ.get("CHEAPCONV_PHOTOS")
    root = Path(named) if named else synthetic(tmp_path_factory.mktemp("raw"))
    store = tmp_path_factory.mktemp("store")
    catalog.load()
    prepare("imagenet", root, 256, store)
    raw, made = in_two(root, "train", "val").train, prepared.listed(store).train
    order = np.resize(np.random.default_rng(0).permutation(len(raw)), IMAGES)
    return {"raw": raw.take(order), "prepared": made.take(order)}


def loader(photos: Photos, side: int, workers: int) -> Loader:
    return Loader(photos, photos, ("a", "b"), side, PLACE, Skipped(len(photos)), workers)


@pytest.mark.benchmark(group=f"loading {IMAGES} images")
@pytest.mark.parametrize("side", [224, 64])
@pytest.mark.parametrize("workers", [0, 2], ids=["none", "two"])
@pytest.mark.parametrize("source", ["raw", "prepared"])
def test_loading(benchmark, sources: dict[str, Photos], source: str, workers: int, side: int) -> None:
    recipe = replace(ImageNet().recipes["torchvision"], batch=BATCH)
    data, epochs = loader(sources[source], side, workers), iter(range(100))

    def epoch() -> None:
        for _ in data.train(recipe, seed=0, epoch=next(epochs)):
            pass

    benchmark.pedantic(epoch, rounds=3, warmup_rounds=1)
    if benchmark.enabled:
        benchmark.extra_info["images_per_s"] = round(IMAGES / benchmark.stats.stats.median, 1)


@pytest.mark.benchmark(group=f"ResNet-18 on {BATCH} images of 224")
@pytest.mark.parametrize("what", ["none-forward", "none-step"])
def test_network(benchmark, what: str) -> None:
    catalog.load()
    network = build_network("resnet_imagenet(depth=18)", "standard", 1000)
    x, y = torch.randn(BATCH, 3, 224, 224).to(memory_format=torch.channels_last), torch.arange(BATCH)

    def step() -> None:
        cross_entropy(network(x), y).backward()

    def forward() -> None:
        with torch.no_grad():
            network(x)

    benchmark.pedantic(step if what == "none-step" else forward, rounds=2, warmup_rounds=1)
    if benchmark.enabled:
        benchmark.extra_info["images_per_s"] = round(BATCH / benchmark.stats.stats.median, 1)
