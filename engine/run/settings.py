"""How a sweep is run, as the command line says it once: nothing here can change a result."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The options of `run`."""

    device: str = "auto"
    threads: int | None = None  # of the CPU; all cores if None
    data: Path | None = None
    download: bool = False
    compiled: bool = False
    capture: bool = True  # on a GPU, steps as CUDA graphs
    budget_s: float | None = None
    retry_failed: bool = False
    fail_fast: bool = False
    workers: int | None = 1  # processes that train; one a GPU, or on a CPU one a core, if None
    cohort: int | None = None  # at most so many cells side by side; as many as there is memory for if None
    cluster: str | None = None  # local, auto or the address of a Ray cluster; this machine without Ray if None
    gpus: float | None = None  # of a cluster's node, for a cohort; one where there are any if None
    memory_gib: float | None = None  # of a cluster's node, kept free for a cohort
    mlflow: str | None = None
    registry: Path | None = None  # to be named again in what is advised
