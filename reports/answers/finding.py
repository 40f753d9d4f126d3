"""One thing that a report has to say."""

from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True)
class Finding:
    """A sentence, and the ids of the rows that it stands on."""

    text: str
    rows: tuple[str, ...] = ()

    @property
    def link(self) -> str:
        """To these rows in the table of the page."""
        return f"#rows={','.join(quote(each, safe='') for each in self.rows)}"
