"""The commands about networks for which nothing is trained: `profile`, `fit` and `measure`."""

from pathlib import Path
from typing import Annotated

import typer

from cheapconv import catalog
from cheapconv.engine.run import options


def profile(
    architecture: Annotated[str, typer.Argument(help='Such as "wrn(depth=40,width=2)" or WRN-40-2.')],
    conv: Annotated[str, typer.Argument(help='Such as "group(groups=4)" or "G(4)".')] = "S",
    classes: options.Classes = 10,
    side: options.Side = 32,
    time: Annotated[bool, typer.Option("--time", help="Also measure latency and throughput on this machine.")] = False,
    operators: Annotated[
        bool, typer.Option("--operators", help="Also say which operators that time goes to; implies --time.")
    ] = False,
    runtime: options.Runtime = None,
    device: options.Device = "auto",
    threads: options.Threads = None,
    latency_threads: options.LatencyThreads = 1,
    plugin: options.Plugins = None,
    as_json: options.AsJson = False,
) -> None:
    """Print the exact size of a network, and with --time how fast this machine runs it."""
    from cheapconv.engine.run import profile as profiles

    catalog.load(tuple(plugin or ()))
    timed_on = device if time or operators else None
    body = profiles.profile(
        architecture,
        conv,
        classes,
        side,
        device=timed_on,
        threads=threads,
        runtime=runtime,
        latency_threads=latency_threads,
    )
    profiles.present(body, as_json, operators)


def fit(
    architecture: Annotated[str, typer.Argument(help='Such as WRN-40-2, or "wrn(depth=40, width=?)".')],
    conv: Annotated[str, typer.Argument(help='Such as "G(?)"; the ? is the number to choose.')] = "S",
    params: Annotated[str | None, typer.Option(help="At most so many parameters: 300k.")] = None,
    macs: Annotated[str | None, typer.Option(help="At most so many multiply-adds: 40M.")] = None,
    latency_ms: Annotated[float | None, typer.Option(min=0, help="At most so slow here, batch 1, measured.")] = None,
    classes: options.Classes = 10,
    side: options.Side = 32,
    runtime: options.Runtime = None,
    device: options.Device = "auto",
    latency_threads: options.LatencyThreads = 1,
    plugin: options.Plugins = None,
    as_json: options.AsJson = False,
) -> None:
    """Find the setting of a conv, or of a width, that comes nearest under a budget, and show its neighbours."""
    from cheapconv.engine.run import fitting

    catalog.load(tuple(plugin or ()))
    limits = params, macs, latency_ms
    found = fitting.fitted(architecture, conv, *limits, classes, side, device, runtime, latency_threads)
    fitting.present(found, as_json)


def measure(
    sweep: options.SweepName,
    registry: options.RegistryFile = None,
    store: options.StoreFolder = Path("runs"),
    select: options.Select = None,
    epochs: options.Epochs = None,
    device: options.Device = "auto",
    threads: options.Threads = None,
    runtime: options.Runtimes = None,
    int8: options.Int8 = False,
    latency_threads: options.LatencyThreads = 1,
    data: options.Data = None,
) -> None:
    """Measure latency and throughput of a sweep's networks again, on a machine that is quiet now.

    What training them computes, in multiply-adds, is counted where it was not when they were trained.
    """
    from cheapconv.engine.run import planning, session

    plan = planning.planned(sweep, registry, select, epochs)
    session.measure(
        plan, store, device, threads, runtimes=runtime, int8=int8, data=data, latency_threads=latency_threads
    )
