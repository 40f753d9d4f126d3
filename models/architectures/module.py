"""module(path="pkg.mod:build"): any CNN of the user's, its convolutions replaced by operators of the conv.

`build(classes)` in the module `pkg.mod` returns an nn.Module whose logits have `classes` columns. A stage ends at the
modules that `taps` names, else at the last map of each resolution. What becomes of each convolution is in the network's
`substitutions`.

In a cell's key stands what the source files hold: that of the module, and those that it imports from the same folder or
package, found by reading its import statements. What is not in it: libraries, a module that is imported by a name that
is worked out, and other files that `build` reads.
"""

import hashlib
import importlib
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from cheapconv.catalog import register
from cheapconv.catalog.errors import nearest, short
from cheapconv.catalog.importing import import_plugin
from cheapconv.catalog.sources import sources
from cheapconv.models.wrap.cuts import Cuts
from cheapconv.models.wrap.wrapping import SIDE, WrappedArchitecture

_PATH = re.compile(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):([A-Za-z_]\w*)")


@register("architecture", "module", paper="the user's own network")
@dataclass(frozen=True, kw_only=True)
class ModuleNetwork(WrappedArchitecture):
    """The CNN that `build(classes)` of a module of yours returns; `taps` names the modules that end its stages."""

    path: str
    taps: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not _PATH.fullmatch(self.path):
            raise ValueError(
                f"path is a module and a function in it, such as 'pkg.mod:build', not '{short(self.path)}'"
            )
        import_plugin(self._module)
        known = [name for name, value in vars(sys.modules[self._module]).items() if callable(value)]
        if self._function not in known:
            raise ValueError(
                f"module '{self._module}' has no function '{self._function}'{nearest(self._function, known)}"
            )

    @property
    def called(self) -> str:
        return self.path

    @property
    def maker(self) -> str:
        return "its function"

    @property
    def _module(self) -> str:
        return self.path.partition(":")[0]

    @property
    def _function(self) -> str:
        return self.path.partition(":")[2]

    def contents(self, hashed: Callable[[Path], str]) -> Mapping[str, str]:
        """The files, and which function of them it is."""
        held = "".join(hashed(path) for path in sources(self._module))
        source = f"{hashlib.sha256(held.encode()).hexdigest()}:{self._function}"
        return {**super().contents(hashed), "path": source}

    def create(self, classes: int) -> nn.Module:
        network = getattr(importlib.import_module(self._module), self._function)(classes)
        if not isinstance(network, nn.Module):
            raise TypeError(f"it returns a {type(network).__name__}, not an nn.Module")
        return network

    def ends(self, network: nn.Module) -> Mapping[str, int | None]:
        known = [name for name, _ in network.named_modules() if name]
        for tap in self.taps or ():
            if tap not in known:
                raise ValueError(f"it has no module '{tap}'{nearest(tap, known)}")
        return dict.fromkeys(self.taps or ())

    def sides(self, network: nn.Module) -> Sequence[int]:
        """From large to small: on small images the maps of a network for large ones shrink to single pixels."""
        return (SIDE, 128, 96, 64, 32, 28)

    def _cuts(self, network: nn.Module) -> Cuts:
        """Stages that end at the taps and nowhere else."""
        cuts = super()._cuts(network)
        if self.taps and set(cuts.ends) != set(self.taps):
            raise ValueError(
                f"not all of the taps {', '.join(self.taps)} can end a stage: everything must flow through each, one"
                " after the other, behind the stem and before the classifier"
            )
        return cuts
