"""A small world for the tests of the planning code: an architecture, three convs, four methods, one suite."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
from torch import nn

from cheapconv import catalog
from cheapconv.catalog import entries, register
from cheapconv.engine.read.registry import Sweep
from cheapconv.methods.base import Phase, Trained
from cheapconv.models.network import Network
from cheapconv.suites.augmentation import Augmentation, Normalisation
from cheapconv.suites.base import Suite
from cheapconv.suites.recipe import Recipe
from cheapconv.suites.schedule import Schedule

RECIPE = Recipe(
    name="short",
    epochs=4,
    batch=32,
    lr=0.1,
    weight_decay=5e-4,
    schedule=Schedule(kind="onecycle"),
    augmentation=Augmentation(pad=1, flip=False),
    normalisation=Normalisation(mean=(0.5,) * 3, std=(0.25,) * 3),
)


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the catalog know the fakes and nothing else until the test ends."""
    catalog.load()  # now, or the real names would be registered among the fakes and lost with them
    monkeypatch.setattr(entries, "_entries", {})
    register("architecture", "net", notation={"Net-{width}": {}})(Net)
    register("conv", "plain", notation={"S": {}})(Plain)
    register("conv", "group", notation={"G(N)": {"width": 1}, "thin": {"width": 1}, "G(N/{width})": {}})(Group)
    register("conv", "pair", notation={"P({a},{b})": {}})(Pair)
    register("suite", "toy")(Toy)
    register("suite", "folder")(Folder)
    for name, cls in {"alone": Alone, "copy": Copy, "blend": Blend, "crowd": Crowd}.items():
        register("method", name)(cls)


def write_registry(folder: Path, entries: str, head: str = "suite: toy\n    recipe: short") -> Path:
    """A registry file with one sweep, `sweep`, whose first entry is at line 6 unless `head` is longer."""
    path = folder / "registry.yaml"
    path.write_text(f"sweeps:\n  sweep:\n    {head}\n    entries:\n{entries}\n")
    return path


def sweep(*entries: dict[str, Any], **fields: Any) -> Sweep:
    """A sweep on the toy suite, made without a file; an entry is a Net-4 of plain convs, trained alone, by default."""
    filled = [{"architecture": "net(width=4)", "conv": "plain", "method": "alone", **entry} for entry in entries]
    return Sweep.model_validate({"suite": "toy", "recipe": "short", "entries": filled, **fields})


@dataclass(frozen=True, kw_only=True)
class Net:
    """A network of one width."""

    version: ClassVar[int] = 1
    width: int

    def build(self, conv: Any, classes: int) -> nn.Module:
        """Refuse what the conv refuses."""
        conv.check(self.width)
        return Network(nn.Identity(), [nn.Identity()], [self.width], classes, neck=nn.Identity())

    network = build

    def unread(self) -> "Net":
        """Nothing is read."""
        return self

    def files(self) -> Mapping[str, Path]:
        """None."""
        return {}

    def contents(self, hashed: Callable[[Path], str]) -> dict[str, str]:
        """What they hold."""
        return {name: hashed(path) for name, path in self.files().items()}


@dataclass(frozen=True, kw_only=True)
class Plain:
    """Fits everywhere."""

    version: ClassVar[int] = 1
    is_standard: ClassVar[bool] = True

    def check(self, channels: int) -> None:
        """Nothing to refuse."""

    def files(self) -> Mapping[str, Path]:
        """None."""
        return {}

    def contents(self, hashed: Callable[[Path], str]) -> dict[str, str]:
        """What they hold."""
        return {name: hashed(path) for name, path in self.files().items()}


@dataclass(frozen=True, kw_only=True)
class Group(Plain):
    """Groups of `width` channels."""

    is_standard: ClassVar[bool] = False
    width: int

    def check(self, channels: int) -> None:
        """Channels come in whole groups."""
        if channels % self.width:
            raise ValueError(f"needs channels divisible by {self.width}, got {channels}")


@dataclass(frozen=True, kw_only=True)
class Pair(Plain):
    """Two numbers, whose notation has a comma."""

    is_standard: ClassVar[bool] = False
    a: int
    b: int


class Alone:
    """Learns from nobody."""

    version: ClassVar[int] = 1
    needs_teacher: ClassVar[bool] = False
    trains: ClassVar[bool] = True
    soft_labels: ClassVar[bool] = True
    answers: ClassVar[frozenset[str]] = frozenset({"image"})

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """No settings."""

    def __init__(self, build: Any, config: Any) -> None:
        """Wires no more than its teacher."""
        if self.needs_teacher:
            build.teacher()

    def networks(self) -> list[Trained]:
        """One."""
        return [Trained("student", nn.Identity())]

    def foresee(self) -> None:
        """Nothing."""

    def phases(self) -> list[Phase]:
        """One."""
        return [Phase()]


class Copy(Alone):
    """Learns from a teacher."""

    needs_teacher = True

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """One number and one list."""

        heat: float = 4.0
        stages: tuple[int, ...] = ()

        def __post_init__(self) -> None:
            if self.heat <= 0:
                raise ValueError(f"heat must be above 0, not {self.heat}")


class Blend(Alone):
    """Learns from a teacher too."""

    needs_teacher = True


class Crowd(Alone):
    """Several students that learn from one another."""

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """How many, to be chosen, and who else."""

        students: int
        partners: tuple[str, ...] = ()


@dataclass(frozen=True)
class Toy(Suite):
    """A suite without data."""

    protocol: ClassVar[int] = 1
    fingerprint: ClassVar[str] = "toy-data"
    classes: ClassVar[int] = 10
    image: ClassVar[tuple[int, int, int]] = (3, 8, 8)
    train_samples: ClassVar[int | None] = None
    recipes: ClassVar[dict[str, Recipe]] = {"short": RECIPE}


@dataclass(frozen=True, kw_only=True)
class Folder(Toy):
    """A suite whose data is a file of the user's."""

    path: str
    side: int = 8

    @property
    def fingerprint(self) -> str:  # type: ignore[override]
        """What the file holds."""
        return Path(self.path).read_text()

    def places(self) -> tuple[str, ...]:
        """The file is known by what it holds."""
        return ("path",)
