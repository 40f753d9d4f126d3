"""Partners: networks of another architecture or conv that are trained beside those of the cell.

A registry names them as `partners: [ResNet-20, {architecture: WRN-40-2, conv: G(N/8)}]`; what is left out is the
cell's. They are evaluated and saved as students, but the cell's number is that of its own networks.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator

from cheapconv import catalog
from cheapconv.methods.base import Build, Trained
from cheapconv.methods.parts.siblings import Siblings

Part = Literal["architecture", "conv"]
Partner = str | dict[Part, str]


class Members(Siblings):
    """`count` fresh networks of the cell, then one for each partner."""

    def __init__(self, build: Build, count: int, partners: Sequence[Partner]) -> None:
        own = [build.network() for _ in range(count)]
        texts = spelled_out(partners)
        super().__init__([*own, *(build.network(t.get("architecture"), t.get("conv")) for t in texts)])
        self._count, self._partners = count, texts

    def trained(self) -> list[Trained]:
        """student_0, student_1, ..., which count, and partner_0, ..., which do not."""
        own, others = self.networks[: self._count], self.networks[self._count :]
        return [
            *(Trained(f"student_{i}", network) for i, network in enumerate(own)),
            *(
                Trained(f"partner_{i}", network, headline=False, architecture=t.get("architecture"), conv=t.get("conv"))
                for i, (network, t) in enumerate(zip(others, self._partners, strict=True))
            ),
        ]


def spelled_out(partners: Sequence[Partner]) -> tuple[dict[Part, str], ...]:
    """The partners in canonical texts, so that two spellings are one cell; a UserError for an unknown name."""
    kinds: tuple[Part, ...] = ("architecture", "conv")
    found: list[dict[Part, str]] = []
    for partner in partners:
        texts: dict[Part, str] = {"architecture": partner} if isinstance(partner, str) else partner
        if not texts:
            raise ValueError("a partner needs an architecture, a conv or both")
        found.append({kind: catalog.canonical(catalog.parse(kind, texts[kind])) for kind in kinds if kind in texts})
    return tuple(found)


Partners = Annotated[tuple[Partner, ...], AfterValidator(spelled_out)]
