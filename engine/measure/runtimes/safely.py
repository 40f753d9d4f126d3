"""A converter in a process of its own, with a limit of work: one that crashes or hangs becomes a sentence.

What is limited is the processor's time that it takes, so that a crowded machine refuses nothing that a quiet one takes;
by the clock it may wait much longer, until it is taken to hang.

The process converts, loads and answers once. It is a new interpreter, and not a fork of this one, whose threads and
libraries it would share halves of.
"""

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from cheapconv.catalog.errors import short
from cheapconv.engine.measure.runtimes.base import Job, Precision, Unsupported, sentence

if TYPE_CHECKING:
    from torch import Tensor

    from cheapconv.engine.measure.runtimes.shipped import Shipped

WORK_S = 600  # of the processor; the largest networks take a minute of it, quantised ones two
PATIENCE_S = 3600.0
MODULE = "cheapconv.engine.measure.runtimes.safely"


class Order(TypedDict):
    """What the process is told, as JSON."""

    runtime: tuple[str, str]  # module and name of its class
    source: str
    shape: tuple[int, int, int]
    batch: int
    folder: str
    threads: int
    precision: Precision
    calibration: str | None  # file of the images
    work_s: int


class Answer(TypedDict):
    """What it leaves."""

    files: list[str]
    refusal: str | None


def converted(
    runtime: "Shipped", source: Path, job: Job, patience_s: float = PATIENCE_S, work_s: int = WORK_S
) -> tuple[Path, ...]:
    """The runtime's files, which another process has made, loaded and run; else Unsupported."""
    with tempfile.TemporaryDirectory(dir=job.folder) as unfinished:
        told, left = Path(unfinished) / "order.json", Path(unfinished) / "answer.json"
        told.write_text(json.dumps(_order(runtime, source, job, Path(unfinished), work_s)))
        # What can be imported here can be there, also where a test or a script has added to the path.
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        command = [sys.executable, "-P", "-m", MODULE, str(told), str(left)]
        try:
            done = subprocess.run(command, env=environment, capture_output=True, timeout=patience_s)
        except subprocess.TimeoutExpired as error:
            reason = f"its converter was not through within {patience_s:g} s"
            raise Unsupported(f"{runtime.label} cannot take this network ({reason}).") from error
        if done.returncode == -signal.SIGXCPU:
            reason = f"its converter was not through after {work_s} s of work"
            raise Unsupported(f"{runtime.label} cannot take this network ({reason}).")
        if done.returncode != 0 or not left.exists():
            raise Unsupported(f"{runtime.label} cannot take this network ({_end(done)}).")
        answer: Answer = json.loads(left.read_text())
    if answer["refusal"] is not None:
        raise Unsupported(answer["refusal"])
    return tuple(map(Path, answer["files"]))


def _order(runtime: "Shipped", source: Path, job: Job, folder: Path, work_s: int) -> Order:
    calibration = None
    if job.calibration is not None:
        import torch

        calibration = str(folder / "calibration.pt")
        torch.save(job.calibration.clone(), calibration)  # a view would bring all that it is a part of
    return Order(
        runtime=(type(runtime).__module__, type(runtime).__qualname__),
        source=str(source.absolute()),
        shape=job.shape,
        batch=job.batch,
        folder=str(job.folder.absolute()),
        threads=job.threads,
        precision=job.precision,
        calibration=calibration,
        work_s=work_s,
    )


def _end(done: "subprocess.CompletedProcess[bytes]") -> str:
    """How a process has ended, and the last that it said."""
    if done.returncode < 0:
        names = {number.value: number.name for number in signal.Signals}
        end = f"its converter died of {names.get(-done.returncode, f'signal {-done.returncode}')}"
    else:
        end = f"its converter ended with status {done.returncode}"
    lines = [line.strip() for line in done.stderr.decode(errors="replace").splitlines() if line.strip()]
    return f"{end}: {short(lines[-1], 200)}" if lines else end


def _images(path: str) -> "Tensor":
    import torch  # which takes seconds, and a converter that dies may not need it

    images: Tensor = torch.load(path, weights_only=True)
    return images


def carry_out(order: Order) -> Answer:
    """Convert, load and answer once, in this process."""
    runtime: Shipped = getattr(import_module(order["runtime"][0]), order["runtime"][1])()
    channels, height, width = order["shape"]
    path = order["calibration"]
    job = Job(
        (channels, height, width),
        order["batch"],
        Path(order["folder"]),
        order["threads"],
        order["precision"],
        None if path is None else _images(path),
    )
    try:
        files = runtime.converted(Path(order["source"]), job)
        answer = runtime.loaded(files[0], job)
    except Unsupported as refusal:
        return Answer(files=[], refusal=str(refusal))
    try:
        logits = answer(job.images)
    except Exception as error:  # a runtime fails in ways of its own
        return Answer(files=[], refusal=sentence(runtime.label, "run", error))
    if len(logits) != job.batch or not logits.isfinite().all():
        return Answer(files=[], refusal=f"{runtime.label} cannot run this network (its logits are no numbers).")
    return Answer(files=[str(file) for file in files], refusal=None)


if __name__ == "__main__":
    told, left = map(Path, sys.argv[1:])
    order: Order = json.loads(told.read_text())
    most = resource.getrlimit(resource.RLIMIT_CPU)[1]  # which the user may have set lower
    limit = order["work_s"] if most == resource.RLIM_INFINITY else min(order["work_s"], most)
    resource.setrlimit(resource.RLIMIT_CPU, (limit, most))
    left.write_text(json.dumps(carry_out(order)))
