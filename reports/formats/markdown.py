"""Tables in Markdown."""

from collections.abc import Sequence


def markdown(head: Sequence[str], rows: Sequence[Sequence[object]], right: Sequence[str] = ()) -> str:
    """A table with the columns `head`, of which those in `right` are aligned to the right."""
    rule = ["---:" if column in right else "---" for column in head]
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in [head, rule, *rows])
