"""When each phase of a training begins and ends."""

from dataclasses import dataclass

from cheapconv.methods.base import Phase
from cheapconv.suites.schedule import ends


@dataclass(frozen=True)
class Stretch:
    """A phase with its place in the training: epochs `first` to `end`, without `end`."""

    phase: Phase
    first: int
    end: int

    @property
    def epochs(self) -> int:
        """Number of its epochs."""
        return self.end - self.first


def stretches(phases: list[Phase], epochs: int) -> list[Stretch]:
    """The phases one after the other. However short the training, none is empty: one that is left out would make
    another method; ValueError where there are fewer epochs than phases."""
    shares = [phase.share for phase in phases]
    assert abs(sum(shares) - 1) < 1e-6, "shares of the phases sum to 1"
    if epochs < len(phases):
        names = ", ".join(phase.name for phase in phases)
        raise ValueError(f"a training of {epochs} epochs is too short for the phases {names}")
    # Shares are rounded to whole epochs, and every phase gets at least one of them.
    cuts = ends(shares, epochs)
    return [Stretch(*each) for each in zip(phases, [0, *cuts[:-1]], cuts, strict=True)]
