"""What all figures for papers share: widths, type, colours and markers, names as text, logarithmic axes, legends.

The colours are the page's, Okabe and Ito's (https://jfly.uni-koeln.de/color/), told apart with any colour vision; the
widths are those of a column and of a page of most two-column proceedings.
"""

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, TypeAlias, TypedDict

import matplotlib as mpl
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedFormatter, FixedLocator, MaxNLocator, NullLocator

from cheapconv.reports.rows.columns import method_label
from cheapconv.reports.rows.kinds import KINDS, kind

SINGLE, DOUBLE = 3.5, 7.0  # inches
DPI = 200
COLOURS = ("#3a3f45", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#b8a900")
INK, FAINT, LINE, PANEL, HEAT = "#1b1f24", "#5b6470", "#d9dee4", "#f6f7f9", "#4d9fd6"
MARKERS = ("o", "s", "^", "D", "v", "P", "h", "*")
Where: TypeAlias = Literal["outside right upper", "outside upper center"]
Dash: TypeAlias = Literal["-"] | tuple[float, tuple[float, ...]]
DASHES: tuple[Dash, ...] = ("-", (0, (4, 1.2)), (0, (1, 1)), (0, (4, 1, 1, 1)), (0, (8, 1.5)), (0, (4, 1, 1, 1, 1, 1)))
RC = {
    "font.family": "DejaVu Sans",  # it comes with matplotlib: the same everywhere
    "font.size": 8,
    "axes.titlesize": 8,
    "legend.fontsize": 7,
    "legend.title_fontsize": 7,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "axes.linewidth": 0.6,
    "axes.edgecolor": FAINT,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": LINE,
    "grid.linewidth": 0.5,
    "legend.frameon": False,
    "text.parse_math": False,  # a name such as $x_1$ is a name
    "text.usetex": False,
    "pdf.fonttype": 42,  # TrueType, which publishers ask for; the default, Type 3, is often refused
    "svg.fonttype": "path",
    "svg.hashsalt": "cheapconv",
}
FEWEST, MOST = 3, 9  # ticks of a logarithmic axis
LONGEST = 28  # characters of a name that is shown whole


class LineLook(TypedDict):
    """How matplotlib draws a line; the width in points."""

    color: str
    linestyle: Dash
    linewidth: float


def shown(name: object, longest: int = LONGEST) -> str:
    """A name on one line, of what can be printed; of a long one its beginning and its end."""
    text = " ".join("".join(each if each.isprintable() else " " for each in str(name)).split())
    if len(text) <= longest:
        return text
    end = longest // 3
    return f"{text[: longest - end - 1].rstrip()}…{text[len(text) - end :].lstrip()}"


def new(width: float, height: float) -> Figure:
    """An empty figure, in inches; no window system is asked."""
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def networks(rows: pd.DataFrame) -> pd.Series:
    """The name of each row's network: its conv, after the architecture where there are several."""
    if rows["architecture"].nunique() == 1:
        return rows["conv"].astype(str)
    return rows["architecture"].astype(str) + " " + rows["conv"].astype(str)


def by_label(rows: pd.DataFrame) -> dict[int, pd.Series]:
    """The rows, each by its label."""
    return {int(str(label)): row for label, row in rows.iterrows()}


@dataclass(frozen=True)
class Look:
    """The colour of each row by one meaning, a marker by its conv, and what a legend says of both."""

    meaning: str
    names: tuple[str, ...]  # what has a colour, in its order
    convs: tuple[str, ...]  # what has a marker; none where they are more than the markers
    of: Callable[[pd.Series], str]

    def colour(self, row: pd.Series) -> str:
        """That of a row."""
        return COLOURS[self.names.index(self.of(row))]

    def marker(self, row: pd.Series) -> str:
        """That of a row."""
        return MARKERS[self.convs.index(row["conv"])] if self.convs else MARKERS[0]


def look(rows: pd.DataFrame) -> Look:
    """Colours by method where these are few enough, else by kind of training."""
    methods = [*dict.fromkeys(method_label(row) for _, row in rows.sort_values("place").iterrows())]
    convs = tuple(dict.fromkeys(rows["conv"]))
    few_convs = convs if len(convs) <= len(MARKERS) else ()
    if len(methods) <= len(COLOURS):
        return Look("method", tuple(methods), few_convs, method_label)
    present = {kind(row) for _, row in rows.iterrows()}
    return Look("kind of training", tuple(each for each in KINDS if each in present), few_convs, kind)


def heading(text: str) -> Line2D:
    """A line of a legend without a sign."""
    return Line2D([], [], linestyle="none", label=text)


def dot(label: str, **options: object) -> Line2D:
    """A sign of a legend: a marker, in ink where nothing else is said."""
    usual: dict[str, object] = {"color": INK, "marker": "o", "markersize": 4.5, "linestyle": "none"}
    return Line2D([], [], label=shown(label), **{**usual, **options})  # type: ignore[arg-type]


def legend(figure: Figure, handles: Sequence[Artist], where: Where, columns: int = 1) -> None:
    """Outside of the axes, with room made for it."""
    labels = [str(handle.get_label()) for handle in handles]
    spaces = {"handlelength": 1.8, "handletextpad": 0.5, "columnspacing": 1.2, "labelspacing": 0.35}
    figure.legend(handles, labels, loc=where, ncols=columns, **spaces)


def log_axis(axes: Axes, name: Literal["x", "y"], values: Sequence[float]) -> None:
    """Logarithmic over some numbers, with ticks at 1, 2 and 5; at powers alone, or closer, where the range asks."""
    low, high = min(values), max(values)
    margin = 10 ** max(0.06 * math.log10(high / low), 0.04)
    axes.set(**{f"{name}scale": "log", f"{name}lim": (low / margin, high * margin)})
    axis = axes.xaxis if name == "x" else axes.yaxis
    chosen = ticks(low / margin, high * margin)
    axis.set_major_locator(FixedLocator(chosen))
    axis.set_major_formatter(FixedFormatter([amount(tick) for tick in chosen]))
    axis.set_minor_locator(NullLocator())


def ticks(low: float, high: float) -> list[float]:
    """At least FEWEST within a range, and at most MOST: at 1, 2 and 5 of each power, or at the powers alone, or closer;
    of a range that has too few of all these, evenly apart."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in ((1,), (1, 2, 5), (1, 1.5, 2, 3, 5, 7)):
        every = [float(f"{step}e{power}") for power in powers for step in steps]
        found = [tick for tick in every if low <= tick <= high]
        if len(found) >= (FEWEST if len(steps) > 1 else MOST // 2):
            return found[:: math.ceil(len(found) / MOST)]
    return [float(tick) for tick in MaxNLocator(6, steps=[1, 2, 5, 10]).tick_values(low, high) if low <= tick <= high]


def amount(value: float) -> str:
    """`0.25`, `1,500`."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def grid(axes: Axes, axis: str = "both") -> None:
    """Thin lines behind what is drawn."""
    axes.grid(visible=True, which="major", axis=axis)  # type: ignore[arg-type]


def settings() -> AbstractContextManager[None]:
    """The context in which figures are made and saved, whatever the user's own matplotlibrc says."""
    usual = {name: value for name, value in mpl.rcParamsDefault.items() if not name.startswith("backend")}
    return mpl.rc_context({**usual, **RC})  # type: ignore[dict-item]
