"""When each phase of a training begins and ends."""

from dataclasses import dataclass

from cheapconv.methods.base import Phase


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
    # Ends as shares of the whole, so that rounding one phase does not push the next.
    shares = [sum(p.share for p in phases[: i + 1]) for i in range(len(phases))]
    assert abs(shares[-1] - 1) < 1e-6, "shares of the phases sum to 1"
    if epochs < len(phases):
        names = ", ".join(phase.name for phase in phases)
        raise ValueError(f"a training of {epochs} epochs is too short for the phases {names}")
    found: list[Stretch] = []
    for number, (phase, share) in enumerate(zip(phases, shares, strict=True), start=1):
        first = found[-1].end if found else 0
        latest = epochs - (len(phases) - number)  # leaves an epoch for each phase that is still to come
        found.append(Stretch(phase, first, min(max(round(share * epochs), first + 1), latest)))
    return found
