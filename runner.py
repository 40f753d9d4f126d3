"""The command line, `cheapconv COMMAND` or `python runner.py COMMAND`; what is slow is imported where it is needed."""

from cheapconv.engine.run import heap, interrupt

if interrupt.is_program(__name__):
    interrupt.listen()  # before anything that takes time is imported
    heap.large_pages()

from pathlib import Path
from typing import Annotated

import typer

from cheapconv.engine.run import here, options, output
from cheapconv.engine.run.commands import leaving, merge, networks, prepare, run

app = typer.Typer(
    help="Benchmark of cheap convolutions and the distillation methods that win their accuracy back.\n\n"
    "Start with `cheapconv run quick` and `cheapconv report quick`. Exit codes: 0 done, 1 some cells failed, "
    "2 a mistake in what was given, 3 cells are left, 130 interrupted.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.command("list")
def list_(
    what: options.Kind = None,
    registry: options.RegistryFile = None,
    time: Annotated[bool, typer.Option("--time", help="With `convs`: also how fast each is here, in minutes.")] = False,
    network: Annotated[
        str | None, typer.Option("--in", help="With --time: the network, WRN-40-2 if not given.")
    ] = None,
    classes: options.Classes = 10,
    side: options.Side = 32,
    runtime: options.Runtime = None,
    as_json: options.AsJson = False,
) -> None:
    """Say what there is: suites, architectures, convs, methods and sweeps, with parameters and papers."""
    from cheapconv.docs import listing

    listing.show(what, registry, time, as_json, (network, classes, side), runtime)


@app.command()
def plan(
    sweep: options.SweepName,
    registry: options.RegistryFile = None,
    store: options.StoreFolder = Path("runs"),
    select: options.Select = None,
    epochs: options.Epochs = None,
    as_json: options.AsJson = False,
    estimate: options.ToEstimate = False,
    data: options.Data = None,
    device: options.Device = "auto",
    threads: options.Threads = None,
    cohort: options.Cohort = "auto",
) -> None:
    """Show the cells of a sweep in the order in which they will run, without running them; or what they will take."""
    from cheapconv.engine.run import planning, show

    if estimate:
        from cheapconv.engine.run import probing, show_estimate

        chosen = planning.planned(sweep, registry, select, epochs)
        show_estimate.show(probing.estimated(chosen, store, device, threads, data, cohort), as_json)
    else:
        whole = planning.planned(sweep, registry, select, epochs, to_look=True)
        show.cells_of(f"plan of {sweep}", whole, store, as_json)


@app.command()
def status(
    sweep: options.SweepName,
    registry: options.RegistryFile = None,
    store: options.StoreFolder = Path("runs"),
    select: options.Select = None,
    epochs: options.Epochs = None,
    as_json: options.AsJson = False,
) -> None:
    """Show how far each cell of a sweep is: planned, running, stopped, failed, done, damaged or unreadable."""
    from cheapconv.engine.run import planning, show

    show.cells_of(f"status of {sweep}", planning.planned(sweep, registry, select, epochs, to_look=True), store, as_json)


app.command()(run.run)
app.command()(networks.profile)
app.command()(networks.fit)
app.command()(networks.measure)


@app.command()
def report(
    sweeps: Annotated[list[str], typer.Argument(metavar="SWEEP...", help="One, or several of one protocol.")],
    store: options.StoreFolder = Path("runs"),
    out: Annotated[Path | None, typer.Option(help="Folder to write to; reports/SWEEP if not given.")] = None,
    title: Annotated[str | None, typer.Option(help="Of the report; the names of its sweeps if not given.")] = None,
    single_file: options.SingleFile = False,
    figures: options.Figures = False,
    compare: options.Compare = None,
    live: options.Live = False,
    registry: Annotated[
        Path | None, typer.Option(help="A report follows from the store: say whether this still plans the same.")
    ] = None,
    mlflow: options.Mlflow = None,
) -> None:
    """Render a comparison: a page, the table in many forms, pictures for papers; attach them in MLflow."""
    from cheapconv.engine.run import planning, show
    from cheapconv.reports import command

    asked = command.Asked(tuple(sweeps), store, out, title, single_file, figures, compare, live)
    rendered = command.command(asked, show.progress)
    remarks = [*rendered.remarks, *(planning.behind(store, sweeps, registry) if registry else ())]
    show.report(rendered.summary, remarks, rendered.paths, store, sweeps, mlflow)


@app.command()
def best(
    sweeps: Annotated[list[str], typer.Argument(metavar="SWEEP...", help="One, or several of one protocol.")],
    store: options.StoreFolder = Path("runs"),
    params: Annotated[str | None, typer.Option(help="At most so many parameters: 300k.")] = None,
    macs: Annotated[str | None, typer.Option(help="At most so many multiply-adds: 40M.")] = None,
    latency_ms: Annotated[
        float | None, typer.Option(min=0, help="At most so slow, batch 1, as it was measured.")
    ] = None,
    train_macs: Annotated[str | None, typer.Option(help="Of its training and its teacher's at most: 100T.")] = None,
    on: Annotated[str | None, typer.Option(help="The letter of the report's condition that latency is of.")] = None,
    usual: Annotated[bool, typer.Option("--own-recipe", help="Only rows trained by the sweep's own recipe.")] = False,
    as_json: options.AsJson = False,
) -> None:
    """Name the most accurate network within all of these budgets at once, and those that are not told from it."""
    from cheapconv.engine.read import quantity
    from cheapconv.engine.run import show
    from cheapconv.reports import best as within

    counts = {"params": params, "macs": macs, "train_macs": train_macs}
    given = {name: quantity.count(text, quantity.MOST_TRAINED) for name, text in counts.items() if text is not None}
    found = within.best(store, sweeps, given | {"latency_ms": latency_ms}, on, usual)
    show.answer(found.rows, found.sentences, found.body, as_json)


@app.command()
def fair(sweep: options.StoredSweep, store: options.StoreFolder = Path("runs")) -> None:
    """Say for how many epochs each distilled network could have been trained alone at the same cost."""
    from cheapconv.reports.rows import fair as fairness

    typer.echo("\n".join(fairness.lines(store, sweep)))


@app.command()
def check(registry: options.RegistryFile = None) -> None:
    """Check the registry completely: every name, number, network and teacher of every sweep."""
    from cheapconv.engine.run import planning, show

    plans, mistakes = planning.each(registry)
    show.checked(plans, mistakes)
    raise typer.Exit(2 if mistakes else 0)


app.command()(prepare.prepare)


@app.command()
def atlas(
    of: options.AtlasOf = None,
    runtime: options.AllRuntimes = None,
    int8: options.AlsoInt8 = True,
    again: options.Again = None,
    render: options.Render = False,
    out: options.AtlasFolder = Path("reports/atlas"),
) -> None:
    """Time every conv in some networks by every runtime, beside its multiply-adds: tables, pictures, a page."""
    from cheapconv.engine.run import atlas as atlases
    from cheapconv.reports.atlases import page

    if not render:
        atlases.command(of or page.NETWORKS, runtime, int8, again, out)
    for path in page.render(out):
        typer.echo(path)


app.command()(leaving.export)
app.command()(leaving.accuracy)
app.command()(leaving.publish)
app.command()(merge.merge)


@app.command()
def clean(store: options.StoreFolder = Path("runs")) -> None:
    """Remove what killed runs left behind: half-written files, checkpoints of finished cells. Results are kept."""
    from cheapconv.engine.run import session

    session.clean(store)


@app.command()
def sync(
    sweep: options.StoredSweep,
    store: options.StoreFolder = Path("runs"),
    mlflow: options.Mlflow = None,
    follow: Annotated[bool, typer.Option("--follow", help="Go on until the standard input ends (Ctrl-D).")] = False,
) -> None:
    """Send to MLflow what it has missed of a sweep."""
    from cheapconv.engine.track import sync as tracking

    raise typer.Exit(tracking.command(sweep, store, mlflow, keep_on=follow))


def main() -> None:
    """Run the command line; a user's mistake is one sentence and exit code 2."""
    here.look()
    with output.guarded(), output.told():
        app()


if __name__ == "__main__":
    main()
