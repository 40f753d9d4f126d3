"""The command `run`."""

from pathlib import Path
from typing import Annotated

import typer

from cheapconv.catalog.errors import UserError
from cheapconv.engine.run import options


def run(
    sweep: options.SweepName,
    registry: options.RegistryFile = None,
    store: options.StoreFolder = Path("runs"),
    select: options.Select = None,
    epochs: options.Epochs = None,
    data: options.Data = None,
    download: Annotated[bool, typer.Option("--download", help="Let torchvision fetch missing data.")] = False,
    device: options.Device = "auto",
    threads: options.Threads = None,
    compiled: Annotated[bool, typer.Option("--compile", help="torch.compile the training step (recorded).")] = False,
    capture: options.Capture = True,
    time_budget: Annotated[str | None, typer.Option(help="Stop cleanly after 90s, 9m, 1h30m; resumable.")] = None,
    retry: Annotated[str | None, typer.Option(help="`failed`: run failed cells again.")] = None,
    fail_fast: Annotated[bool, typer.Option("--fail-fast", help="Stop at the first cell that fails.")] = False,
    workers: options.Workers = "1",
    cohort: options.Cohort = "auto",
    cluster: options.Cluster = None,
    gpus_per_cohort: options.Gpus = None,
    memory_per_cohort: options.Memory = None,
    mlflow: options.Mlflow = None,
) -> None:
    """Train, measure and track the cells of a sweep that are not done; interrupted ones go on where they stopped."""
    from cheapconv.engine.plan import select as chosen
    from cheapconv.engine.read import quantity
    from cheapconv.engine.run import planning, session, torchrun
    from cheapconv.engine.run.settings import Settings

    if retry not in (None, "failed"):
        raise UserError(f"--retry {retry} is unknown: the one thing to retry is 'failed'.")
    settings = Settings(
        device=device,
        threads=threads,
        data=data,
        download=download,
        compiled=compiled,
        capture=capture,
        budget_s=None if time_budget is None else quantity.seconds(time_budget),
        retry_failed=retry == "failed",
        fail_fast=fail_fast,
        workers=quantity.several("--workers", workers),
        cohort=quantity.several("--cohort", cohort),
        cluster=cluster,
        gpus=gpus_per_cohort,
        memory_gib=memory_per_cohort,
        mlflow=mlflow,
        registry=registry,
    )
    with torchrun.team() as team:
        whole = planning.planned(sweep, registry, None, epochs)
        raise typer.Exit(session.run(whole, chosen.select(whole, select) if select else whole, store, settings, team))
