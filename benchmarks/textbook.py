"""The training loop that everybody writes, to compare with: a DataLoader with two workers, torchvision's transforms,
eager float32 in NCHW, torch's SGD, and losses read at every step for the line that is printed.

Same networks, same losses and the same recipe as the suite's; nothing else of it is used.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, kl_div, log_softmax, mse_loss, normalize, softmax
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

WORKERS, CPU = 2, torch.device("cpu")
MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)

Loss = Callable[[nn.Module, nn.Module | None, Tensor, Tensor], Tensor]  # of student, teacher, images, labels


@dataclass
class Photographs(Dataset[tuple[Tensor, int]]):
    """Images (N, H, W, 3) of bytes and their labels, as torchvision's CIFAR classes hold and give them."""

    images: np.ndarray
    labels: Sequence[int]
    transform: Callable[[Image.Image], Tensor]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, position: int) -> tuple[Tensor, int]:
        return self.transform(Image.fromarray(self.images[position])), self.labels[position]


def to_train() -> Any:
    """Crop, flip, normalise."""
    steps = [transforms.RandomCrop(32, padding=4), transforms.RandomHorizontalFlip()]
    return transforms.Compose([*steps, transforms.ToTensor(), transforms.Normalize(MEAN, STD)])


def to_test() -> Any:
    """Normalise."""
    return transforms.Compose([transforms.ToTensor(), transforms.Normalize(MEAN, STD)])


def scratch(student: nn.Module, teacher: nn.Module | None, x: Tensor, y: Tensor) -> Tensor:
    """Cross-entropy."""
    return cross_entropy(student(x), y)


def kd(
    student: nn.Module, teacher: nn.Module | None, x: Tensor, y: Tensor, alpha: float = 0.9, t: float = 4.0
) -> Tensor:
    """(1 - alpha) CE + alpha T^2 KL of softened logits."""
    assert teacher is not None
    logits = student(x)
    with torch.no_grad():
        target = teacher(x)
    soft = kl_div(log_softmax(logits / t, dim=1), softmax(target / t, dim=1), reduction="batchmean") * t * t
    return (1 - alpha) * cross_entropy(logits, y) + alpha * soft


def at(student: Any, teacher: Any, x: Tensor, y: Tensor, beta: float = 1000.0) -> Tensor:
    """CE + beta times the sum of the mean squared distances of attention maps, as in the authors' code."""

    def attention(f: Tensor) -> Tensor:
        return normalize(f.pow(2).mean(1).flatten(1))

    maps = student.stages(x)
    with torch.no_grad():
        targets = teacher.stages(x)
    distance = sum(mse_loss(attention(a), attention(b)) for a, b in zip(maps, targets, strict=True))
    return cross_entropy(student.head(maps[-1]), y) + beta * distance


class Online(nn.Module):
    """Four students, and the classifier on all of their last maps that teaches them, as in od's released code."""

    def __init__(self, students: Sequence[Any], classes: int = 10) -> None:
        super().__init__()
        self.students: Any = nn.ModuleList(students)  # of networks with stages and a head
        channels = sum(student.channels[-1] for student in students)
        self.norm, self.classifier = nn.BatchNorm2d(channels), nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Logits of the teacher and of the students."""
        maps = [student.stages(x)[-1] for student in self.students]
        teacher = self.classifier(self.norm(torch.cat(maps, dim=1)).relu().mean((2, 3)))
        return teacher, [student.head(last) for student, last in zip(self.students, maps, strict=True)]


def od(student: nn.Module, teacher: nn.Module | None, x: Tensor, y: Tensor, t: float = 4.0) -> Tensor:
    """CE of all, and T^2 KL from the online teacher to each student."""
    together, students = student(x)
    target = softmax(together / t, dim=1)
    soft = [kl_div(log_softmax(s / t, dim=1), target, reduction="batchmean") * t * t for s in students]
    return cross_entropy(together, y) + sum(cross_entropy(s, y) for s in students) + sum(soft)


LOSSES: dict[str, Loss] = {"scratch": scratch, "kd": kd, "at": at, "od": od}


def train(
    student: nn.Module,
    teacher: nn.Module | None,
    loss_of: Loss,
    images: np.ndarray,
    labels: Sequence[int],
    *,
    epochs: int = 1,
    batch: int = 128,
    lr: float = 0.1,
    weight_decay: float = 5e-4,
    device: torch.device = CPU,  # where the networks are
    workers: int = WORKERS,
) -> Iterator[float]:
    """Train, a step at a time; gives the loss of each."""
    pin = device.type == "cuda"
    photographs = Photographs(images, labels, to_train())
    loader = DataLoader(photographs, batch, shuffle=True, num_workers=workers, pin_memory=pin)
    optimiser = torch.optim.SGD(student.parameters(), lr, momentum=0.9, weight_decay=weight_decay)
    for _ in range(epochs):
        student.train()
        for images_, labels_ in loader:
            x, y = images_.to(device, non_blocking=True), labels_.to(device, non_blocking=True)
            loss = loss_of(student, teacher, x, y)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            yield loss.item()


@torch.no_grad()
def top1(student: nn.Module, images: np.ndarray, labels: Sequence[int], batch: int = 128) -> float:
    """On test images."""
    student.eval()
    loader = DataLoader(Photographs(images, labels, to_test()), batch, num_workers=WORKERS)
    hits = sum((student(x).argmax(1) == y).sum().item() for x, y in loader)
    return hits / len(labels)
