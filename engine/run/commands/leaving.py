"""The commands about networks that leave the project: as files, which `accuracy` tries, or as models in MLflow."""

from pathlib import Path
from typing import Annotated

import typer

from cheapconv import catalog
from cheapconv.engine.run import options

FORMATS = "onnx, pt2, or a runtime of `cheapconv list runtimes` that has files of its own"


What = Annotated[
    str, typer.Argument(help="A cell's key, or SWEEP/PATTERN of one cell as --select has it: 'quick/*/G(4)/kd/0'.")
]
StudentName = Annotated[
    str | None, typer.Option("--student", help="Which of several students; the first if not given.")
]


def export(
    what: What,
    out: Annotated[Path, typer.Argument(help="Folder to write: the network, network.json, README.md.")],
    form: Annotated[str, typer.Option("--format", help=f"{FORMATS}.")] = "onnx",
    batch: Annotated[int, typer.Option(min=1, help="Images that are answered at once.")] = 1,
    student: StudentName = None,
    int8: Annotated[
        bool, typer.Option("--int8", help="In int8, by the form's own quantiser, calibrated on training images.")
    ] = False,
    store: options.StoreFolder = Path("runs"),
    data: options.Data = None,
    plugin: options.Plugins = None,
) -> None:
    """Write a trained network as a file that others run, once it gives PyTorch's answers to test images."""
    from cheapconv.engine.run import shipping, show

    catalog.load(tuple(plugin or ()))
    cell = shipping.find(store, what)
    written = shipping.export(store, cell, out, form, batch=batch, student=student, data=data, int8=int8)
    for line in written:
        show.console.print(line, highlight=False, soft_wrap=True)


def accuracy(
    file: Annotated[Path, typer.Argument(help="A network that `export` has written, or its folder.")],
    suite: Annotated[str | None, typer.Option(help="Whose test images; those it was trained for if not given.")] = None,
    data: options.Data = None,
    plugin: options.Plugins = None,
    threads: options.Threads = None,
    as_json: options.AsJson = False,
) -> None:
    """Score an exported file on test images, by the runtime that it is for."""
    from cheapconv.engine.run import scored, show

    catalog.load(tuple(plugin or ()))
    found = scored.accuracy(file, suite, data, threads)
    if as_json:
        show.print_json(found)
    else:
        show.table("", [{"quantity": name, "value": value} for name, value in found.items()], ["quantity", "value"])


def publish(
    what: What,
    name: Annotated[
        str | None,
        typer.Option(help="Registered model to add a version to; suite, architecture and conv if not given."),
    ] = None,
    unregistered: Annotated[
        bool, typer.Option("--unregistered", help="Only log it as a model of its cell's run.")
    ] = False,
    student: StudentName = None,
    store: options.StoreFolder = Path("runs"),
    data: options.Data = None,
    plugin: options.Plugins = None,
    mlflow: options.Mlflow = None,
) -> None:
    """Register a trained network as a model in MLflow, once it gives PyTorch's answers to test images."""
    from cheapconv.engine.run import publishing, show

    catalog.load(tuple(plugin or ()))
    for line in publishing.publish(
        store, what, name=name, student=student, registered=not unregistered, data=data, option=mlflow
    ):
        show.console.print(line, highlight=False, soft_wrap=True)
