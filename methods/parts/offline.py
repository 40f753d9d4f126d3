"""What methods with a frozen teacher share: L = ce_weight CE + weight (the method's own loss) [+ kd_weight KD].

This is the form in which Tian, Krishnan, Isola, ICLR 2020, arXiv:1910.10699 (RepDistiller) compare them: student and
teacher see the same images once, and a method compares feature maps, pooled embeddings or logits of the two.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from cheapconv.catalog.numbers import Temperature, Weight
from cheapconv.methods.base import Batch, Build, Clock, Method, Network, Trained
from cheapconv.methods.kd import soft_target_loss
from cheapconv.methods.losses import cross_entropy


@dataclass(frozen=True)
class Seen:
    """What a network makes of a batch of images."""

    maps: Sequence[Tensor]  # (B, C_i, H_i, W_i) after each stage
    embedding: Tensor  # (B, D), pooled
    logits: Tensor  # (B, C)


class Offline(Method):
    """Base class of the methods with a frozen teacher; a subclass adds a config with its `weight`, and `transfer`."""

    needs_teacher = True
    soft_labels = True

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """`weight` multiplies the method's own loss; `kd_weight` adds T^2 KL(p_t^T || p_s^T), averaged over samples."""

        weight: Weight
        ce_weight: Weight = 1.0
        kd_weight: Weight = 0.0
        temperature: Temperature = 4.0

    def __init__(self, build: Build, config: Config) -> None:
        super().__init__(build, config)
        self.student = build.network()
        self.teacher = build.teacher()
        self.weight = config.weight

    def transfer(self, student: Seen, teacher: Seen, batch: Batch) -> Tensor:
        """The method's own loss, 0-d and without its weight. The teacher's tensors need no gradient."""
        raise NotImplementedError

    def see(self, x: Tensor) -> tuple[Seen, Seen]:
        """What student and teacher make of the images (B, 3, H, W)."""
        return look(self.student, x), look(self.teacher, x)

    def losses(self, batch: Batch, update: int = 0) -> dict[str, Tensor]:
        """Cross-entropy, the method's own loss and, where its weight is not zero, distillation of the logits."""
        c = self.config
        student, teacher = self.see(batch.x)
        terms = {
            "ce": c.ce_weight * cross_entropy(student.logits, batch.y),
            self.registered_name: self.weight * self.transfer(student, teacher, batch),
        }
        if c.kd_weight:
            soft = soft_target_loss(student.logits, teacher.logits, c.temperature, "batchmean")
            terms["kd"] = c.kd_weight * soft
        return terms

    def networks(self) -> list[Trained]:
        """The student."""
        return [Trained("student", self.student)]


def look(network: Network, x: Tensor, pre_activation: bool = False) -> Seen:
    """One forward pass; with `pre_activation` the maps are what the ReLU that ends or follows their stage sees."""
    maps = network.stages(x, pre_activation=pre_activation)
    last = relu(maps[-1]) if pre_activation and network.post_activation else maps[-1]
    embedding = network.embed(last)
    seen = network.before_relu(maps) if pre_activation else maps
    return Seen(seen, embedding, network.classify(embedding))


@torch.no_grad()
def map_shapes(network: Network, build: Build) -> list[torch.Size]:
    """(C_i, H_i, W_i) of the maps after each stage, from a look at one black image in eval mode."""
    trained = network if isinstance(network, nn.Module) and network.training else None
    if trained:
        trained.eval()
    black = torch.zeros(1, *build.image, device=build.clock.progress.device)
    shapes = [m.shape[1:] for m in network.stages(black)]
    if trained:
        trained.train()
    return shapes


def warm_up(clock: Clock, epochs: int, share: float) -> Tensor:
    """min(e / L, 1) with the epoch e counted from 1 and L = `share` of the run's epochs, as a 0-d tensor."""
    return ((clock.epoch.floor() + 1) / max(share * epochs, 1.0)).clamp(max=1)


def check_same_stages(name: str, student: Network, teacher: Network) -> None:
    """ValueError where the maps of student and teacher cannot be paired one by one."""
    stages = len(student.channels), len(teacher.channels)
    if stages[0] != stages[1]:
        raise ValueError(
            f"{name} pairs the stages of student and teacher, but they have {stages[0]} and {stages[1]}: "
            "choose networks with equally many stages"
        )
