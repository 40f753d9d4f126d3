"""cheapconv: a benchmark of cheap convolutions and the distillation methods that win their accuracy back.

network = cheapconv.load("runs", "<key>").network     # a trained network, with its normalisation and class names
table = cheapconv.frame("runs", "quick")              # the cells of a sweep, one row each
"""

TYPE_CHECKING = False  # `typing` takes a while to import, and until the command line listens to signals that is a risk
if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from cheapconv.engine.store.networks import Loaded

__all__ = ["__version__", "frame", "load"]


def __getattr__(name: str) -> str:
    """`__version__`, when it is asked for: until the command line listens to signals, every import is a risk."""
    if name != "__version__":
        raise AttributeError(f"module 'cheapconv' has no attribute '{name}'")
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("cheapconv")
    except PackageNotFoundError:  # imported from a folder, never installed
        return "unknown"


def load(store: "str | Path", key: str, name: str | None = None) -> "Loaded":
    """The trained network `name` of a finished cell, by default its first headline one, in eval mode on the CPU.

    Its fields: `network`, `mean`, `std`, `class_names`, `cell`. UserError for a cell that is not finished. Modules of
    your own that the network is made of are to be imported before.
    """
    from pathlib import Path

    from cheapconv import catalog
    from cheapconv.engine.store import networks
    from cheapconv.engine.store.runs import Store

    catalog.load()
    return networks.load(Store(Path(store)), key, name)


def frame(store: "str | Path", sweep: str) -> "pd.DataFrame":
    """One row a cell of a sweep: labels, state, accuracies, sizes, costs, timings. UserError where nothing is done yet.

    A deployment of a cell in another precision is one row more; the column `deployed` says so, and is "" elsewhere.
    Timings are those of the report, under the names of its `table.csv`: `latency_ms`, `throughput_images_per_s`, their
    quartiles, and `measured_on`, which is the device, runtime and setting; those of a second condition end with `_2`.
    They are NaN where a network was not timed as it is deployed; `doubt` and `throughput_doubt` say of which not to
    trust, and why.
    """
    from pathlib import Path

    from cheapconv.reports.rows import collect, measurements

    found = collect.read_sweep(Path(store), sweep)
    cells = collect.frame(found)
    timed = measurements.attach(cells, measurements.read_measurements(Path(store), cells))
    return found.score.named(timed)
