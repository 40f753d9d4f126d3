"""The command line: `cheapconv COMMAND`, the same as `python runner.py COMMAND`.

Reads a registry of sweeps, trains their cells, measures, tracks and reports. Each command is a few calls into
`engine` and `reports`; what is slow to import (torch, mlflow) is imported where it is needed.
"""

import re
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.errors import UserError, nearest

HERE = Path(__file__).resolve().parent
KINDS = ("suites", "architectures", "convs", "methods", "sweeps")

app = typer.Typer(
    help="Benchmark of cheap convolutions and the distillation methods that win their accuracy back.\n\n"
    " in what was given.",
    " in what was given.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

SweepName = Annotated[str, typer.Argument(help="A sweep of the registry; `cheapconv list sweeps` names them.")]
RegistryFile = Annotated[
    Path | None,
    typer.Option("--registry", help="Registry file; ./registry.yaml, else the suite's own, if not given."),
]
StoreFolder = Annotated[Path, typer.Option("--store", help="Folder of the run folders, which hold every result.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
Select = Annotated[
    str | None,
    typer.Option(
        help="Only these cells and their teachers: architecture/conv/method/seed, such as 'wrn*/G(N/8)/kd/0'."
    ),
]
Epochs = Annotated[
    int | None, typer.Option(min=1, help="Another number of epochs: another protocol, with results of its own.")
]
Data = Annotated[
    Path | None,
    typer.Option("--data", envvar="CHEAPCONV_DATA", help="Folder of the data sets, as torchvision lays them out."),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:n.")]
Threads = Annotated[int | None, typer.Option(min=1, help="CPU threads; all cores if not given.")]
Mlflow = Annotated[
    str | None, typer.Option("--mlflow", help="MLflow tracking URI; MLFLOW_TRACKING_URI, else sqlite:///mlflow.db.")
]


@app.command("list")
def list_(
    what: Annotated[str | None, typer.Argument(help=f"One of {', '.join(KINDS)}; everything if not given.")] = None,
    registry: RegistryFile = None,
    as_json: AsJson = False,
) -> None:
    """Say what there is: suites, architectures, convs, methods and sweeps, with parameters and papers."""
    from engine import show

    if what is not None and what not in KINDS:
        raise UserError(f"there is no list of '{what}'{nearest(what, KINDS)}")
    loaded = _registry(registry)
    found = {kind: show.listing(kind, loaded) for kind in ([what] if what else KINDS)}
    if as_json:
        show.document(found)
        return
    for kind, rows in found.items():
        show.listing_table(kind, rows)


@app.command()
def plan(
    sweep: SweepName,
    registry: RegistryFile = None,
    store: StoreFolder = Path("runs"),
    select: Select = None,
    epochs: Epochs = None,
    as_json: AsJson = False,
) -> None:
    """Show the cells of a sweep in the order in which they will run, without running them."""
    _show_cells(f"plan of {sweep}", _plan(sweep, registry, select, epochs), store, as_json)


@app.command()
def status(
    sweep: SweepName,
    registry: RegistryFile = None,
    store: StoreFolder = Path("runs"),
    select: Select = None,
    epochs: Epochs = None,
    as_json: AsJson = False,
) -> None:
    """Show how far each cell of a sweep is: planned, running, done or failed."""
    _show_cells(f"status of {sweep}", _plan(sweep, registry, select, epochs), store, as_json)


@app.command()
def run(
    sweep: SweepName,
    registry: RegistryFile = None,
    store: StoreFolder = Path("runs"),
    select: Select = None,
    epochs: Epochs = None,
    data: Data = None,
    download: Annotated[bool, typer.Option("--download", help="Let torchvision fetch missing data.")] = False,
    device: Device = "auto",
    threads: Threads = None,
    compiled: Annotated[bool, typer.Option("--compile", help="torch.compile the training step (recorded).")] = False,
    time_budget: Annotated[
        str | None, typer.Option(help="Stop cleanly after this time, resumable: 90s, 9m, 1h30m.")
    ] = None,
    retry: Annotated[str | None, typer.Option(help="`failed`: run failed cells again.")] = None,
    fail_fast: Annotated[bool, typer.Option("--fail-fast", help="Stop at the first cell that fails.")] = False,
    mlflow: Mlflow = None,
) -> None:
    """Train, measure and track the cells of a sweep that are not done; interrupted ones go on where they stopped."""
    from engine import session

    if retry not in (None, "failed"):
        raise UserError(f"--retry {retry} is unknown: the one thing to retry is 'failed'.")
    settings = session.Settings(
        device=device,
        threads=threads,
        data=data,
        download=download,
        compiled=compiled,
        budget_s=_seconds(time_budget) if time_budget else None,
        retry_failed=retry == "failed",
        fail_fast=fail_fast,
        mlflow=mlflow,
    )
    whole = _plan(sweep, registry, None, epochs)
    raise typer.Exit(session.run(whole, _selected(whole, select), store, settings))


@app.command()
def profile(
    architecture: Annotated[str, typer.Argument(help='Such as "wrn(depth=40,width=2)" or WRN-40-2.')],
    conv: Annotated[str, typer.Argument(help='Such as "group(groups=4)" or "G(4)".')] = "standard",
    classes: Annotated[int, typer.Option(min=1, help="Outputs of the classifier.")] = 10,
    side: Annotated[int, typer.Option(min=1, help="Height and width of the image.")] = 32,
    time: Annotated[bool, typer.Option("--time", help="Also measure latency and throughput on this machine.")] = False,
    device: Device = "auto",
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Print the exact size of a network, and with --time how fast this machine runs it."""
    from engine import profile as profiles
    from engine import show

    body = profiles.profile(architecture, conv, classes, side, device=device if time else None, threads=threads)
    if as_json:
        show.document(body)
    else:
        show.table("", [{"quantity": k, "value": v} for k, v in profiles.flat(body).items()], ["quantity", "value"])


@app.command()
def measure(
    sweep: SweepName,
    registry: RegistryFile = None,
    store: StoreFolder = Path("runs"),
    select: Select = None,
    epochs: Epochs = None,
    device: Device = "auto",
    threads: Threads = None,
) -> None:
    """Measure latency and throughput of a sweep's networks again, on a machine that is quiet now."""
    from engine import session

    session.measure(_plan(sweep, registry, select, epochs), store, device, threads)


@app.command()
def report(
    sweep: SweepName,
    store: StoreFolder = Path("runs"),
    out: Annotated[Path | None, typer.Option(help="Folder to write to; reports/SWEEP if not given.")] = None,
) -> None:
    """Render a sweep's comparison: table.md, table.csv, table.tex and index.html."""
    from engine import show
    from reports import page

    rendered = page.render(store, sweep, out or HERE / "reports" / sweep)
    show.report(rendered.summary, rendered.remarks, rendered.paths)


@app.command()
def check(registry: RegistryFile = None) -> None:
    """Check the registry completely: every name, number, network and teacher of every sweep."""
    from engine.plan import plan as make_plan
    from engine.show import table

    sweeps = _registry(registry).sweeps
    table("", [{"sweep": n, "cells": len(make_plan(s, n).cells)} for n, s in sweeps.items()], ["sweep", "cells"])


@app.command()
def clean(store: StoreFolder = Path("runs")) -> None:
    """Remove what killed runs left behind: half-written files, checkpoints of finished cells. Results are kept."""
    from engine import session

    session.clean(store)


@app.command()
def sync(sweep: SweepName, store: StoreFolder = Path("runs"), mlflow: Mlflow = None) -> None:
    """Send to MLflow what it has missed of a sweep."""
    from engine import session

    session.sync(sweep, store, mlflow)


def main() -> None:
    """Run the command line; a user's mistake is one sentence and exit code 2."""
    try:
        app()
    except UserError as error:
        sys.stderr.write(f"error: {error}\n")
        raise SystemExit(2) from None


def _registry(path: Path | None) -> Any:
    from engine import registry

    return registry.load(path or next(p for p in (Path("registry.yaml"), HERE / "registry.yaml") if p.is_file()))


def _plan(sweep: str, registry: Path | None, select: str | None, epochs: int | None) -> Any:
    from engine.plan import plan as make_plan

    return _selected(make_plan(_registry(registry).sweep(sweep), sweep, epochs=epochs), select)


def _selected(whole: Any, select: str | None) -> Any:
    from engine.select import select as choose

    return choose(whole, select) if select else whole


def _show_cells(title: str, planned: Any, store: Path, as_json: bool) -> None:
    from engine import show
    from engine.store import Store

    rows = show.cells(planned, Store(store))
    if as_json:
        show.document({"cells": rows})
    else:
        show.cells_table(title, rows)


def _seconds(text: str) -> float:
    """Seconds of `90s`, `9m`, `1h30m`; a bare number is seconds."""
    found = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?", text.strip())
    if not found or not any(found.groups()):
        raise UserError(f"'{text}' is no time: write 90s, 9m or 1h30m.")
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return 3600.0 * hours + 60 * minutes + seconds


if __name__ == "__main__":
    main()
