"""mixed(S, "G(4)", ...): a conv of its own for each residual block, in the order of the network.

Turner et al., "BlockSwap: Fisher-guided Block Substitution for Network Compression on a Budget", ICLR 2020,
arXiv:1906.04113, whose genotypes are known by name: `mixed (bs200k)`. Whether a block holds two operators or one is
decided by the block's own conv. (The released training script decides it for a whole group by the group's first block,
which builds other networks.) A conv in a row may be written once: `mixed(S, "G(2)" * 4, S)`.

Params and MACs are the sums over the blocks; the weight decay of each is scaled as its own conv says.
"""

import ast
from dataclasses import dataclass
from itertools import groupby

from torch import nn

from cheapconv import catalog
from cheapconv.catalog import canonical, register
from cheapconv.catalog.spelling import expression
from cheapconv.models.conv import Conv
from cheapconv.models.parts.genotypes import GENOTYPES

MOST_BLOCKS = 1000  # more than any network has


@register(
    "conv",
    "mixed",
    paper="Turner et al., BlockSwap: Fisher-guided Block Substitution, ICLR 2020, arXiv:1906.04113",
    notation={f"mixed ({name})": {"blocks": blocks} for name, blocks in GENOTYPES.items()},
)
@dataclass(frozen=True, kw_only=True)
class Mixed(Conv):
    """One conv per replaceable residual block, given as texts."""

    blocks: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.blocks:
            raise ValueError("give a conv for each residual block")
        convs = [catalog.parse("conv", text) for text in self.blocks]
        if any(isinstance(conv, Mixed) for conv in convs):
            raise ValueError("a block has one conv: mixed cannot hold mixed")
        object.__setattr__(self, "blocks", tuple(canonical(conv) for conv in convs))

    def at_block(self, index: int, count: int) -> Conv:
        if count != len(self.blocks):
            raise ValueError(
                f"{canonical(self)} needs a network of as many replaceable blocks as it has convs, "
                f"{len(self.blocks)}, got {count}"
            )
        return catalog.parse("conv", self.blocks[index])

    def operator(
        self, in_channels: int, out_channels: int, stride: int = 1, kernel_size: int = 3, dilation: int = 1
    ) -> nn.Module:
        raise ValueError(f"{canonical(self)} names a conv per residual block, and this network has no such blocks")

    @staticmethod
    def from_text(text: str) -> dict[str, tuple[str, ...]] | None:
        """`blocks` of `mixed(S, "G(4)", "G(2)" * 4)`; None for any other text."""
        node = expression(text)
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "mixed"):
            return None
        runs = [_run(argument) for argument in node.args]
        if not runs or node.keywords or None in runs:
            return None
        return {"blocks": tuple(conv for run in runs if run for conv in run)}

    def to_text(self) -> str:
        """`mixed(...)` with the papers' notation, as `from_text` reads it."""
        labels = [catalog.label("conv", catalog.parse("conv", text)) for text in self.blocks]
        runs = [(label, len(list(run))) for label, run in groupby(labels)]
        written = [(label if label.isidentifier() else f'"{label}"', count) for label, count in runs]
        return f"mixed({', '.join(f'{conv} * {count}' if count > 1 else conv for conv, count in written)})"


def _run(node: ast.expr) -> list[str] | None:
    """The convs that one argument stands for, or None."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        times = node.right.value if isinstance(node.right, ast.Constant) else None
        one = _run(node.left)
        return one * times if one and isinstance(times, int) and 0 < times * len(one) <= MOST_BLOCKS else None
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else None
    return [ast.unparse(node)] if isinstance(node, ast.Name | ast.Call) else None
