"""The control of BlockSwap: a random mixture of cheap convs within the same budget, trained by attention transfer.

Turner et al., ICLR 2020, arXiv:1906.04113, whose search has to beat the best of such networks. A grid over `draw`, as
in `random_at: {teacher: teacher, draw: [0, 1, 2, 3]}`, trains several; the best of them is chosen by validation
accuracy, and the mean over them is what no search at all gives.
"""

from dataclasses import dataclass

from cheapconv.catalog import register
from cheapconv.catalog.numbers import Count, Position
from cheapconv.methods.base import Batch, TrainableNetwork
from cheapconv.methods.blockswap_at import BlockSwapAT


@register("method", "random_at", paper="control of Turner et al. 2020, arXiv:1906.04113")
class RandomAT(BlockSwapAT):
    """A random conv for each block within a budget, then attention transfer."""

    @dataclass(frozen=True, kw_only=True)
    class Config(BlockSwapAT.Config):
        """L as in `at`, of the network number `draw` (from 0) among those that blockswap_at would score."""

        draw: Position = 0
        candidates: Count = 100

        def __post_init__(self) -> None:
            super().__post_init__()
            if self.draw >= self.candidates:
                raise ValueError(f"draw {self.draw} is not among {self.candidates} candidates, counted from 0")

    def foresee(self) -> None:
        """Refuse a draw that is not among all networks of the pool."""
        super().foresee()
        most = len({*self.config.pool}) ** self._build.blocks()
        if self.config.draw >= most:
            raise ValueError(f"draw {self.config.draw} is not among the {most} networks of the pool, counted from 0")

    def choose(self, drawn: list[str], batch: Batch) -> tuple[str, TrainableNetwork]:
        """The candidate of that number."""
        if self.config.draw >= len(drawn):
            raise ValueError(f"draw {self.config.draw} is not among the {len(drawn)} networks drawn: raise candidates")
        conv = drawn[self.config.draw]
        return conv, self._build.network(conv=conv)
