"""The frozen networks that trainings learn from. What one of them makes of a batch is made once for all who ask."""

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple, ParamSpec, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from cheapconv.engine.store.networks import Loaded
from cheapconv.engine.train.bill import Bill, Shared, Span, mark
from cheapconv.engine.train.recorded_pass import RecordedPasses
from cheapconv.engine.train.recorder import Recorder
from cheapconv.suites.base import Batch

Made = TypeVar("Made", Tensor, list[Tensor])
Asks = ParamSpec("Asks")
Seen = Tensor | Sequence[Tensor]


class Asked(NamedTuple):
    """What a method asks a frozen network, equal for equal questions; called with the tensors of which it is asked."""

    ask: Callable[..., Tensor | list[Tensor]]
    network: "Frozen"
    options: tuple[tuple[str, object], ...]

    def __call__(self, seen: Seen) -> Tensor | list[Tensor]:
        return self.ask(self.network, seen, **dict(self.options))


Listener = Callable[[Asked, Seen], Tensor | list[Tensor]]


class Passes:
    """What was made of the current batch, by what it was made of.

    A tensor is known by its identity, as one of the batch's or as one that is kept here, and by its version: what a
    method has written into is not what was asked for. Of anything else nothing is kept.
    """

    def __init__(self, device: torch.device, recorder: Recorder | None = None) -> None:
        """With a recorder, passes are recorded and played."""
        self._device = device
        self._recorded = RecordedPasses(recorder) if recorder else None
        self._asking: Bill | None = None
        self._known: dict[int, tuple[Tensor, int]] = {}  # by id, held so that no other tensor gets it
        self._kept: dict[tuple[object, ...], tuple[Shared, Tensor | list[Tensor]]] = {}
        self._listener: Listener | None = None

    @contextlib.contextmanager
    def heard_by(self, listener: Listener) -> Iterator[None]:
        """Within it, somebody else answers what methods ask."""
        self._listener = listener
        try:
            yield
        finally:
            self._listener = None

    def answer(self, asked: Asked, seen: Seen) -> Tensor | list[Tensor]:
        """What whoever listens answers, or the network itself."""
        listener, self._listener = self._listener, None  # what a question leads to is not asked by the method
        try:
            return asked(seen) if listener is None else listener(asked, seen)
        finally:
            self._listener = listener

    def look_at(self, batch: Batch, asking: Bill) -> None:
        """Whose step it is that asks now, and on which batch; what was made of the one before is given back."""
        self._asking = asking
        if not all(map(self.intact, batch.views)):
            self.divide()
            self._kept, self._known = {}, {}
            self._know(batch.views)

    def divide(self) -> None:
        """Charge the passes of the batch to those who used them."""
        for shared, _ in self._kept.values():
            shared.divide()

    def recall(self, what: object, network: nn.Module, inputs: Sequence[Tensor], make: Callable[..., Made]) -> Made:
        """What `make` gives of the inputs, by this network; from here if it was made before."""
        if self._asking is None or not all(map(self.intact, inputs)):
            return make(*inputs)
        way: tuple[object, ...] = id(network), what, torch.is_autocast_enabled(self._device.type)
        key = (*way, *map(id, inputs))
        if key not in self._kept or not all(map(self.intact, tensors_of(self._kept[key][1]))):
            span = Span(mark(self._device))
            recorded = self._recorded
            new = recorded.make(way, network, inputs, make) if recorded else make(*inputs)
            span.ended = mark(self._device)
            self._kept[key] = Shared(span, maker=self._asking), new
            self._know(tensors_of(new))
        entry = self._kept[key]
        entry[0].use(self._asking)
        made: Tensor | list[Tensor] = entry[1]
        return cast(Made, [*made] if isinstance(made, list) else made)

    def _know(self, tensors: Sequence[Tensor]) -> None:
        self._known |= {id(tensor): (tensor, tensor._version) for tensor in tensors}

    def intact(self, tensor: Tensor) -> bool:
        """Whether it is known, and as it was."""
        return self._known.get(id(tensor), (tensor, None))[1] == tensor._version


def tensors_of(seen: Seen) -> list[Tensor]:
    """Of one tensor, or of several."""
    return [seen] if isinstance(seen, Tensor) else [*seen]


def _asked(ask: Callable[Asks, Made]) -> Callable[Asks, Made]:
    """Decorator of what a method may ask a frozen network: somebody may be listening."""

    @functools.wraps(ask)
    def answered(*args: Asks.args, **options: Asks.kwargs) -> Made:
        network, seen = cast(tuple[Frozen, Seen], args)
        if network.passes is None:
            return ask(*args, **options)
        return cast(Made, network.passes.answer(Asked(ask, network, tuple(options.items())), seen))

    return answered


class Frozen:
    """A network to learn from: eval mode, no gradients, outside the module tree of the methods that hold it.

    Once somebody has asked for its maps, logits are made of them too: one pass serves all.
    """

    def __init__(self, network: nn.Module, passes: Passes | None = None) -> None:
        self.network = network.eval().requires_grad_(False)  # eval: its batch statistics are those of its training
        self.passes = passes
        self._maps = self._before = False  # whether maps were asked for, and those before the last ReLU of a stage

    @property
    def channels(self) -> list[int]:
        """Channels of the stage outputs."""
        return self.network.channels  # type: ignore[return-value]

    @property
    def features(self) -> int:
        """Width of the embedding."""
        return self.network.features  # type: ignore[return-value]

    @property
    def post_activation(self) -> bool:
        """Whether the stages end in a ReLU."""
        return self.network.post_activation  # type: ignore[return-value]

    @_asked
    @torch.no_grad()
    def __call__(self, x: Tensor) -> Tensor:
        """Logits."""
        if self._maps:
            return self.head(self.stages(x)[-1])
        return self._recall("logits", [x], self.network)

    @_asked
    @torch.no_grad()
    def stages(self, x: Tensor, *, pre_activation: bool = False) -> list[Tensor]:
        """Feature maps after each stage, on request those before the ReLU that ends it."""
        self._maps = self._maps or self.passes is not None
        before = pre_activation and self.post_activation  # else they are the same
        self._before = self._before or (before and self.passes is not None)
        if self._before and not before:
            maps = self.stages(x, pre_activation=True)
            return [self._recall("relu", [f], relu) for f in maps]
        stages = partial(self.network.stages, pre_activation=before)  # type: ignore[arg-type,operator,misc]
        return self._recall(("stages", before), [x], stages)

    @_asked
    @torch.no_grad()
    def before_relu(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """What the ReLU at or behind each map sees."""

        def before(*maps: Tensor) -> list[Tensor]:
            return self.network.before_relu(maps)  # type: ignore[operator]

        return self._recall("before_relu", maps, before)

    @_asked
    @torch.no_grad()
    def embed(self, last_map: Tensor) -> Tensor:
        """Embedding of the last map."""
        return self._recall("embed", [last_map], self.network.embed)  # type: ignore[arg-type]

    @_asked
    @torch.no_grad()
    def classify(self, embedding: Tensor) -> Tensor:
        """Logits of an embedding."""
        return self._recall("classify", [embedding], self.network.classify)  # type: ignore[arg-type]

    @_asked
    @torch.no_grad()
    def head(self, last_map: Tensor) -> Tensor:
        """Logits of the last map."""
        return self._recall("head", [last_map], self.network.head)  # type: ignore[arg-type]

    def _recall(self, what: object, inputs: Sequence[Tensor], make: Callable[..., Made]) -> Made:
        """What is made of the inputs, by this network."""
        return make(*inputs) if self.passes is None else self.passes.recall(what, self.network, inputs, make)


class Teachers:
    """The frozen networks of trainings side by side, by the key of the cell that trained them: read once."""

    def __init__(self, device: torch.device, recorder: Recorder | None = None) -> None:
        """With a recorder, their passes are recorded and played."""
        self.recorder = recorder
        self.passes = Passes(device, recorder)
        self._read: dict[str, tuple[Loaded, Frozen]] = {}

    def get(self, key: str, read: Callable[[], Loaded]) -> tuple[Loaded, Frozen]:
        """That cell's network, on the device; `read` gives it the first time."""
        if key not in self._read:
            loaded = read()
            self._read[key] = loaded, Frozen(loaded.network, self.passes)
        return self._read[key]
