"""The shapes that the report's pictures are made of, in pixels; the page's template draws them as SVG.

SVG by hand keeps the page small and free of scripts from elsewhere; colours are classes of its stylesheet, so that
they follow the reader's light or dark theme. Colour says method, marker says conv, in every picture; a dot in it says
that the network is deployed in another precision than it was trained in.
"""

import dataclasses

import pandas as pd

from cheapconv.reports.axes import Axis
from cheapconv.reports.columns import method_label, trained_label

COLOURS = 8
MARKERS = (
    "M-5 0A5 5 0 1 0 5 0A5 5 0 1 0 -5 0Z",
    "M-4.5-4.5H4.5V4.5H-4.5Z",
    "M0-6L5.4 4H-5.4Z",
    "M0-6.2L6.2 0L0 6.2L-6.2 0Z",
    "M0 6L5.4-4H-5.4Z",
    "M-1.8-5.4H1.8V-1.8H5.4V1.8H1.8V5.4H-1.8V1.8H-5.4V-1.8H-1.8Z",
    "M-5.6 0L-2.8-4.9H2.8L5.6 0L2.8 4.9H-2.8Z",
    "M0-6.4L1.6-2.2L6.1-2L2.6.8L3.8 5.2L0 2.7L-3.8 5.2L-2.6.8L-6.1-2L-1.6-2.2Z",
)


@dataclasses.dataclass(frozen=True)
class Key:
    """What a colour or a marker stands for; methods beyond the palette are drawn hollow."""

    text: str
    index: int
    trained: int | None = None  # of a method that is deployed: the index as it was trained, whose colour it has

    @property
    def is_deployed(self) -> bool:
        """Whether its points have a dot."""
        return self.trained is not None

    @property
    def hue(self) -> int:
        """The number of its colour."""
        return self.index if self.trained is None else self.trained

    @property
    def colour(self) -> str:
        """Class of the stylesheet."""
        return f"m{self.hue % COLOURS}" + (" hollow" if self.hue >= COLOURS else "")

    @property
    def dot(self) -> str:
        """CSS colour of the dot in its marker."""
        return "var(--c)" if self.hue >= COLOURS else "var(--ground)"

    @property
    def marker(self) -> str:
        """SVG path around the origin."""
        return MARKERS[self.index % len(MARKERS)]


@dataclasses.dataclass(frozen=True)
class Point:
    """One row: pixels of its mean and of one standard deviation either side, and its tooltip."""

    x: float
    y: float
    y_low: float
    y_high: float
    method: Key
    conv: Key
    is_reference: bool
    tooltip: str


@dataclasses.dataclass(frozen=True)
class Line:
    """A polyline: SVG path, its method and its tooltip."""

    path: str
    method: Key
    tooltip: str


@dataclasses.dataclass(frozen=True)
class Panel:
    """One picture with its axes; `front` is an SVG path, `labels` are (x, y, text)."""

    title: str
    x_title: str
    x: Axis
    y: Axis
    points: list[Point] = dataclasses.field(default_factory=list)
    lines: list[Line] = dataclasses.field(default_factory=list)
    front: str = ""
    labels: list[tuple[float, float, str]] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class Keys:
    """The legend, shared by all pictures."""

    methods: dict[str, Key]
    convs: dict[str, Key]


def keys(rows: pd.DataFrame) -> Keys:
    """Colours by method, baselines first, then as they are deployed; markers by conv in the order of the table."""
    order = rows.assign(is_deployed=rows["deployed"] != "").sort_values(
        ["is_deployed", "is_baseline"], ascending=[True, False], kind="stable"
    )
    methods: dict[str, Key] = {}
    for _, row in order.iterrows():
        text, trained = method_label(row), methods[trained_label(row)].index if row["deployed"] else None
        methods.setdefault(text, Key(text, len(methods), trained))
    return Keys(
        methods,
        {text: Key(text, i) for i, text in enumerate(dict.fromkeys(rows["conv"]))},
    )
