"""Notes below a table: each distinct text once, with the mark that cells carry; reasons are [a], papers are [1]."""

import dataclasses
import string


@dataclasses.dataclass
class Notes:
    """Collects notes in the order in which cells ask for a mark."""

    reasons: list[str] = dataclasses.field(default_factory=list)
    papers: list[str] = dataclasses.field(default_factory=list)

    def reason(self, text: str) -> str:
        """The mark ` [a]` for a reason, nothing for an empty one."""
        return f" [{_letters(_place(self.reasons, text))}]" if text else ""

    def paper(self, text: str) -> str:
        """The mark ` [1]` for a paper's protocol."""
        return f" [{_place(self.papers, text) + 1}]"

    def forget(self) -> None:
        """Begin to count anew."""
        self.reasons.clear()
        self.papers.clear()

    def marked(self) -> list[tuple[str, str]]:
        """Every note with its mark, reasons first."""
        reasons = [(_letters(place), text) for place, text in enumerate(self.reasons)]
        return reasons + [(str(place), text) for place, text in enumerate(self.papers, start=1)]


def _place(notes: list[str], text: str) -> int:
    if text not in notes:
        notes.append(text)
    return notes.index(text)


def _letters(place: int) -> str:
    """0 -> a, 25 -> z, 26 -> aa."""
    if place < 26:
        return string.ascii_lowercase[place]
    return _letters(place // 26 - 1) + string.ascii_lowercase[place % 26]
