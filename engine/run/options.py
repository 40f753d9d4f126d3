"""Arguments and options that several commands of the command line share."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Anew(StrEnum):
    """What of an atlas is timed again."""

    ALL = "all"
    DOUBTFUL = "doubtful"


KINDS = ("suites", "architectures", "convs", "methods", "runtimes", "sweeps")

Kind = Annotated[str | None, typer.Argument(help=f"One of {', '.join(KINDS)}; everything if not given.")]
StoredSweep = Annotated[
    str,
    typer.Argument(metavar="SWEEP", help="A sweep of the store; what ran with --epochs 1 is called SWEEP@epochs=1."),
]
SweepName = Annotated[str, typer.Argument(help="A sweep of the registry; `cheapconv list sweeps` names them.")]
RegistryFile = Annotated[
    Path | None,
    typer.Option("--registry", help="Registry file; ./registry.yaml, else the suite's own, if not given."),
]
StoreFolder = Annotated[Path, typer.Option("--store", help="Folder of the run folders, which hold every result.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
ToEstimate = Annotated[
    bool,
    typer.Option("--estimate", help="Take a few steps of each kind of cell, and say what the sweep will take here."),
]
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
Runtime = Annotated[
    str | None,
    typer.Option(help="By what a CPU runs it: onnxruntime if not given; `cheapconv list runtimes` names them."),
]
Runtimes = Annotated[
    str | None,
    typer.Option("--runtime", help="By what a CPU runs them, several with commas: onnxruntime if not given."),
]
Int8 = Annotated[
    bool,
    typer.Option("--int8", help="Also in int8, calibrated on training images; finished cells are scored in it too."),
]
Threads = Annotated[int | None, typer.Option(min=1, help="CPU threads, of each worker; all cores if not given.")]
LatencyThreads = Annotated[int, typer.Option(min=1, help="CPU threads that answer one image, for its latency.")]
Workers = Annotated[
    str, typer.Option(help="Processes that train: a number, or auto for one a GPU, or on a CPU one a core.")
]
Cohort = Annotated[
    str,
    typer.Option(help="Cells trained side by side, sharing batches and teachers: auto (as memory allows) or a number."),
]
Cluster = Annotated[
    str | None,
    typer.Option(
        help="Train on the nodes of a Ray cluster: auto (the one that runs here), HOST:PORT of its head, or local."
    ),
]
Gpus = Annotated[
    float | None,
    typer.Option("--gpus-per-cohort", min=0.01, help="With --cluster: of a node's GPUs, such as 0.5; 1 if not given."),
]
Memory = Annotated[
    float | None,
    typer.Option("--memory-per-cohort", min=0.1, help="With --cluster: GiB of a node that Ray keeps for a cohort."),
]
Capture = Annotated[
    bool,
    typer.Option(
        "--capture/--no-capture",
        help="On a GPU, record steps as CUDA graphs and play them where that is faster.",
    ),
]
Mlflow = Annotated[
    str | None,
    typer.Option("--mlflow", help="MLflow tracking URI, or none; MLFLOW_TRACKING_URI, else sqlite:///mlflow.db."),
]
Plugins = Annotated[
    list[str] | None,
    typer.Option(
        "--plugin", help="A module to import first, for cells of sweeps with `plugins:`; several times for several."
    ),
]
Classes = Annotated[int, typer.Option(min=1, help="Outputs of the classifier.")]
Side = Annotated[int, typer.Option(min=1, help="Height and width of the image.")]
Unprepared = Annotated[
    Path, typer.Option("--data", help="Folder with train/ and val/ of class folders, tar shards or Parquet.")
]
Prepared = Annotated[Path, typer.Option("--out", help="Folder to fill; what is there already is not made again.")]
SingleFile = Annotated[
    bool, typer.Option("--single-file", help="A page that holds its libraries (1.7 MB more), to be sent alone.")
]
Figures = Annotated[bool, typer.Option("--figures", help="Also the pictures for papers: figures/*.pdf, .svg and .png.")]
Compare = Annotated[
    str | None,
    typer.Option(help="What changed since: another sweep, another store, or COMMIT:FOLDER of a store in git."),
]
Live = Annotated[
    bool, typer.Option("--live", help="Write it anew as the sweep goes on, until its last cell has ended.")
]
AtlasOf = Annotated[
    Path | None, typer.Option("--of", help="YAML of networks and convs; those of the suite's own atlas if not given.")
]
AllRuntimes = Annotated[
    str | None,
    typer.Option("--runtime", help="By what a CPU runs them, several with commas; all that are here if not given."),
]
AlsoInt8 = Annotated[bool, typer.Option("--int8/--no-int8", help="Also in int8, where a runtime has it.")]
Again = Annotated[
    Anew | None,
    typer.Option("--again", help="Time anew what the tables have: all, or the networks with a timing in doubt."),
]
Render = Annotated[bool, typer.Option("--render", help="Time nothing: write the page of the tables that are there.")]
AtlasFolder = Annotated[Path, typer.Option("--out", help="Folder of the tables and the page.")]
