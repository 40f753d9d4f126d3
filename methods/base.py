"""The interface of a training method: what a method may know of the world, and what the trainer asks of it.

A method owns wiring and losses. The trainer owns data, optimiser, schedule, precision, checkpoints, seeds and time.
Baselines are methods too. The smallest method has `__init__`, `losses` and `networks`; everything else has a default.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, Required, TypedDict, TypeVar, cast, overload

import torch
from torch import Tensor, nn

Structure = Mapping[str, Any]  # JSON that says how a network differs from a fresh one of its texts
Answer = Literal["image", "pixel"]
M = TypeVar("M", bound=nn.Module)


class Batch(Protocol):
    """One step's samples."""

    @property
    def x(self) -> Tensor:
        """(B, 3, H, W), normalised."""

    @property
    def y(self) -> Tensor:
        """(B,) int64; where the recipe mixes images or smooths labels, (B, classes) float32: the share of each
        class. Where every pixel has a label, (B, H, W) int64, some of them one that does not count."""

    @property
    def index(self) -> Tensor:
        """(B,) int64, positions in the training set."""

    @property
    def views(self) -> tuple[Tensor, ...]:
        """As many differently augmented copies of `x` as the method asks for, the first of them `x`."""


@dataclass
class Clock:
    """Where training stands; 0-d tensors on the device, so that a ramp that reads them costs no recompilation."""

    progress: Tensor  # 0..1 of the whole training
    phase_progress: Tensor  # 0..1 of the current phase
    epoch: Tensor  # finished epochs, with the fraction of the current one
    lr: Tensor  # learning rate of the current step, of the first of the method's groups
    phase: int = 0  # number of the current phase, also when a run is resumed in the middle of it

    @classmethod
    def start(cls, device: torch.device) -> "Clock":
        """A clock at zero."""
        progress, phase_progress, epoch, lr = (torch.zeros((), device=device) for _ in range(4))
        return cls(progress, phase_progress, epoch, lr)


class Network(Protocol):
    """What a method sees of a network, be it trained or a frozen teacher, of which no output carries a gradient."""

    @property
    def channels(self) -> list[int]:
        """Width of the map after each stage."""

    @property
    def features(self) -> int:
        """Width of the embedding."""

    @property
    def post_activation(self) -> bool:
        """Whether the stages end in a ReLU."""

    def __call__(self, x: Tensor, /) -> Tensor:
        """Logits (B, classes) of images (B, 3, H, W)."""

    def stages(self, x: Tensor, *, pre_activation: bool = False) -> list[Tensor]:
        """Maps (B, C_i, H_i, W_i) after each stage, on request those before the ReLU that ends it."""

    def before_relu(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """What the ReLU that ends each stage, or the BN and ReLU behind it, see: of `stages(pre_activation=True)`."""

    def embed(self, last_map: Tensor) -> Tensor:
        """Vectors (B, features) of the last map."""

    def classify(self, embedding: Tensor) -> Tensor:
        """Logits of the vectors."""

    def head(self, last_map: Tensor) -> Tensor:
        """Logits of the last map: `classify` of `embed`."""


class TrainableNetwork(nn.Module):
    """The type of a `Network` that is a module as well, which no Protocol can say; nothing is made from this class."""

    channels: list[int]
    features: int
    post_activation: bool
    input: nn.Module  # before the stem: images as the weights know them
    encoder: int  # of a dense network: how many stages are its encoder
    encoder_head: nn.Module  # and what makes logits of the encoder's map
    stem: nn.Module
    stage_modules: nn.ModuleList
    classifier: nn.Linear
    hidden: nn.Module
    entrance: Callable[[int], nn.Module]
    body: Callable[[int], nn.Module]
    share_entrance: Callable[[int, nn.Module], None]
    stages: Callable[..., list[Tensor]]
    before_relu: Callable[[Sequence[Tensor]], list[Tensor]]
    pooled: Callable[[Tensor], Tensor]
    embed: Callable[[Tensor], Tensor]
    classify: Callable[[Tensor], Tensor]
    head: Callable[[Tensor], Tensor]


Cost = Literal["macs", "params"]


class Build(Protocol):
    """What a method builds its world from."""

    classes: int
    epochs: int
    image: tuple[int, int, int]  # (3, H, W) of the images
    labels: Tensor  # (N,) int64 of the training set, in the order of `Batch.index`
    loss: Callable[[Tensor, Tensor], Tensor]  # of logits and labels, 0-d: what training alone minimises
    clock: Clock

    def network(self, architecture: str | None = None, conv: str | None = None) -> TrainableNetwork:
        """A fresh network of the cell's (or the named) architecture and conv, initialised by its own member seed."""

    def weighted(self) -> TrainableNetwork:
        """The cell's network with all of its weights as they were given; ValueError where a part would be fresh."""

    @overload
    def teacher(self) -> Network: ...
    @overload
    def teacher(self, copy: Literal[True]) -> TrainableNetwork: ...
    def teacher(self, copy: bool = False) -> Network:
        """The cell's teacher: frozen and outside the module tree, or with `copy` a trainable copy."""

    def pair(self) -> tuple[str, str]:
        """The architectures of the cell's teacher and of the cell, as papers write them: ("WRN-40-2", "WRN-16-2")."""

    def cost(self, kind: Cost, network: nn.Module | None = None, *, conv: str | None = None) -> int:
        """Multiply-adds on an image, or parameters: of a network, or of the cell's architecture with a conv (by
        default the cell's) without making one."""

    def blocks(self) -> int:
        """How many blocks of the cell's architecture a conv of its own can be chosen for; 0 if it has none."""


@dataclass(frozen=True)
class Trained:
    """A network that a method trained. `student`: could be deployed. `ensemble`: measured, never deployed.
    `headline`: its accuracy counts in the method's number (the mean over its headline networks).
    `architecture`, `conv`: the texts it was built from, None for those of the cell. `structure`: JSON that says how it
    differs by now from a network of these texts, for `Method.rebuild`; None if it does not."""

    name: str
    network: nn.Module
    role: Literal["student", "ensemble"] = "student"
    headline: bool = True
    architecture: str | None = None
    conv: str | None = None
    structure: Structure | None = None


@dataclass(frozen=True)
class Phase:
    """A share of the epochs. `begin` may change the structure; the optimiser is rebuilt, and the recipe's schedule
    is played once over the phase, from `lr` where the method's paper has one of its own."""

    name: str = "train"
    share: float = 1.0
    begin: Callable[["Context"], None] | None = None
    lr: float | None = None


@dataclass(frozen=True)
class Context:
    """What `begin`, `end_epoch` and `finish` may use: training batches of the current epoch, drawn anew at a call."""

    batches: Callable[[], Iterator[Batch]]
    device: torch.device
    epoch: int


class ParamGroup(TypedDict, total=False):
    """Parameters for the optimiser, and numbers of their own where the method's paper has them."""

    params: Required[list[nn.Parameter]]
    lr: float
    weight_decay: float
    weight_decay_scale: float


def itself(x: Tensor) -> Tensor:
    """What a process that trains alone has of a batch is all of it."""
    return x


def module_list(modules: Iterable[M]) -> Sequence[M]:
    """An `nn.ModuleList`, under the type of what it holds."""
    return cast(Sequence[M], nn.ModuleList(modules))


class Method(nn.Module):
    """Base class of all methods; its submodules are what is trained."""

    registered_name: ClassVar[str]
    version: ClassVar[int] = 1  # raised when results may change
    needs_teacher: ClassVar[bool] = False
    trains: ClassVar[bool] = True  # if not, its networks are scored as they are, once, and nothing is on its bill
    is_baseline: ClassVar[bool] = False  # trains the deployed network alone
    soft_labels: ClassVar[bool] = False  # its losses take shares of the classes (B, classes) for labels too
    # For what there may be an answer and a label, an image or a pixel; each class says it for itself. Of pixels it
    # knows the loss by `Build.loss` alone, and embeddings are maps.
    answers: ClassVar[frozenset[Answer]] = frozenset({"image"})
    # Its losses compare the samples of a batch with one another; what they compare they ask for by `self.gather`, which
    # joins the samples (B_r, ...) of a process to those of all (B, ...) that have a share of the batch.
    couples_samples: bool = False  # this and the next two may depend on the settings
    updates_per_batch: int = 1
    views: int = 1

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """A method without settings."""

    def __init__(self, build: Build, config: object) -> None:
        super().__init__()
        self.config: Any = config  # the class's own Config
        self.gather: Callable[[Tensor], Tensor] = itself
        self.clock = build.clock

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        if "answers" not in vars(cls):  # what holds of a method need not hold of one that is made of it
            cls.answers = Method.answers

    def losses(self, batch: Batch, update: int = 0) -> dict[str, Tensor]:
        """Named loss terms, already weighted; the trainer minimises their sum. Each is 0-d, float32 or float64, and has
        a gradient: without one it would be logged and teach nothing."""
        raise NotImplementedError

    def forward(self, batch: Batch, update: int = 0) -> dict[str, Tensor]:
        """The losses: what wraps a module (a compiler, a gatherer of gradients) so wraps the method."""
        return self.losses(batch, update)

    def networks(self) -> list[Trained]:
        """The networks to evaluate."""
        raise NotImplementedError

    def foresee(self) -> None:
        """Called by the plan, for which weights have shapes and no numbers: ValueError for what is bound to fail."""

    def phases(self) -> list[Phase]:
        """Phases of the training, in order; shares sum to 1. A config says the shares of several in `shares`, so that a
        plan knows them too."""
        return [Phase()]

    def param_groups(self) -> list[ParamGroup]:
        """What the optimiser trains, in groups."""
        return [{"params": [p for p in self.parameters() if p.requires_grad]}]

    def after_update(self) -> None:
        """Called after every optimiser step, whose learning rate is `self.clock.lr`."""

    def end_epoch(self, context: Context) -> None:
        """Called after every epoch, before its evaluation."""

    def finish(self, context: Context) -> None:
        """Called once after the last epoch, before the last evaluation."""

    def structure(self) -> Structure | None:
        """JSON that rebuilds networks whose structure has changed in training; None if it never changes."""
        return None

    def restructure(self, structure: Structure) -> None:
        """Bring freshly built networks into the structure that `structure()` described."""
        raise NotImplementedError

    @classmethod
    def rebuild(cls, network: TrainableNetwork, structure: Structure) -> TrainableNetwork:
        """A freshly built network in the structure that a `Trained` named; it may be changed in place. This is how a
        saved network is loaded, without its method."""
        raise NotImplementedError
