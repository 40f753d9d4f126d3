"""What tests of the page in a browser ask of a tab."""

from typing import Any

# The table draws once more after it is built: its first row has stayed the same for twenty frames.
SETTLED = """() => {
  const row = document.querySelector("#results .tabulator-row");
  window.same = window.was === row ? (window.same ?? 0) + 1 : 0;
  window.was = row;
  return window.same > 20;
}"""


def column(tab: Any, title: str) -> list[str]:
    """Texts of a column, from top to bottom."""
    texts: list[str] = tab.evaluate(
        """title => {
          const i = data.columns.findIndex(column => column.title === title);
          return shownPlaces().map(place => rows[place].texts[i]);
        }""",
        title,
    )
    return texts
