"""On what a cell was run: commit, versions, device, threads. Recorded beside the result, never part of the key."""

import functools
import platform
import re
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from cheapconv.catalog.errors import UserError
from cheapconv.engine.store.files import now
from cheapconv.engine.store.records import Environment
from cheapconv.suites.place import Place

PACKAGES = ("torch", "torchvision", "timm", "ptflops", "numpy", "mlflow")
ROOT = Path(__file__).resolve().parents[2]


def resolve_device(text: str) -> torch.device:
    """`auto` is CUDA where there is one, else the CPU; `cpu`, `cuda` and `cuda:n` are taken by name."""
    if text == "auto":
        text = "cuda" if torch.cuda.is_available() else "cpu"
    name, _, number = text.partition(":")
    if name not in ("cpu", "cuda") or (number and not number.isdigit()):
        raise UserError(f"unknown device '{text}': use auto, cpu, cuda or cuda:n.")
    if name == "cpu":
        return torch.device("cpu")
    count = torch.cuda.device_count()
    if int(number or 0) >= count:
        raise UserError(f"device '{text}' is not there ({count} CUDA devices are visible): use --device cpu or auto.")
    return torch.device("cuda", int(number or 0))


def describe(place: Place, *, precision: str, compiled: bool, plugins: Mapping[str, str]) -> Environment:
    """On what a cell starts, now; with the state of each plugin that has a part in it."""
    sha, dirty = _commit()
    device = place.device
    return Environment(
        git_sha=sha,
        git_dirty=dirty,
        versions={**_versions(), **plugins},
        platform=platform.platform(),
        device=str(device),
        device_name=device_name(device),
        driver=_driver() if device.type == "cuda" else None,
        threads=place.threads,
        precision=precision,
        compile=compiled,
        processes=place.world,
        sharing=place.sharing,
        start=now(),
    )


@functools.cache
def device_name(device: torch.device) -> str:
    """The processor's or the accelerator's own name, by which timings of two machines are told apart."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    said = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    named = [said[name] for name in ("model name", "Model", "Hardware") if said.get(name)]  # boards have the latter two
    if named and not re.search(r"\d", named[0]):  # `AMD EPYC`: what virtual machines call every generation of it
        numbers = [
            f"{text} {said[name]}" for name, text in (("cpu family", "family"), ("model", "model")) if said.get(name)
        ]
        return f"{named[0]} ({', '.join(numbers)})" if numbers else named[0]
    part = " ".join(filter(None, (said.get("CPU implementer"), said.get("CPU part"))))
    return named[0] if named else f"{platform.processor() or platform.machine()} {part}".strip()


@functools.cache
def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


@functools.cache
def _commit() -> tuple[str | None, bool | None]:
    """Short commit hash of this checkout, and whether tracked files differ from it; None where the code is installed
    inside a repository of something else."""
    try:
        _run("git", "ls-files", "--error-unmatch", str(Path(__file__).resolve().relative_to(ROOT)))
        sha = _run("git", "rev-parse", "--short=12", "HEAD")
        return sha, bool(_run("git", "status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.SubprocessError):
        return None, None


def _driver() -> str | None:
    try:
        return _run("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader").splitlines()[0]
    except (OSError, subprocess.SubprocessError, IndexError):
        return None


def _run(*command: str) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=20)
    return done.stdout.strip()
