"""Strong views: RandAugment, as torchvision has it, with random numbers of each image's own.

Cubuk, Zoph, Shlens, Le, "RandAugment: Practical automated data augmentation with a reduced search space", NeurIPS 2020,
arXiv:1909.13719: `ops` of 14 operations, each drawn evenly and with replacement, at one magnitude. The operations and
what a magnitude of 0..30 means are those of `torchvision.transforms.v2.RandAugment`, with black where nothing is. As in
FixMatch (Sohn et al., NeurIPS 2020, arXiv:2001.07685) it follows the crop and the mirror, and comes before a cutout.

What is drawn for an image depends on (seed, epoch, view, index) alone, and it is computed on the CPU, so that neither
workers nor the device of the training change a bit.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from cheapconv.suites.augmentation import Strong
from cheapconv.suites.place import seed_of


def strengthen(x: Tensor, strong: Strong, seed: int, epoch: int, view: int, index: Sequence[int]) -> Tensor:
    """Cropped images (B, 3, H, W) uint8 after RandAugment, on the device that they came from; `index` are their
    positions in the training set."""
    from torchvision.transforms.v2 import RandAugment  # takes a second to import

    transform, images = RandAugment(num_ops=strong.ops, magnitude=strong.magnitude), x.cpu()
    with torch.random.fork_rng(devices=[]):  # torchvision draws from the process's generator, which is the trainer's
        changed = []
        for image, position in zip(images, index, strict=True):
            torch.default_generator.manual_seed(seed_of("strong", seed, epoch, view, position))  # not the GPU's too
            changed.append(transform(image.contiguous()))
    return torch.stack(changed).to(x.device)
