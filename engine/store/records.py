"""What the files of a run folder hold, as types. engine/store/runs.py reads and writes them, and nobody else.

Every file is JSON of one of these classes, a document says the version of its schema; those of schema 1, with none,
are read as engine/store/upgrade.py says. Times are ISO 8601 in UTC, durations seconds, scores mostly fractions.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from cheapconv.engine.store.operators import Operator

SCHEMA = 2
LONGEST_NAME = 200  # bytes, of the 255 that a file system takes

# The one vocabulary. `waiting`: for its teacher. `stopped`: begun, and no process holds it; the same command goes on.
# `damaged`: it says that it is done, but its result cannot be read; the same command trains it again.
# `unreadable`: a file may be whole and cannot be read here and now; no command touches the cell.
Word = Literal["planned", "skipped", "waiting", "running", "stopped", "failed", "done", "damaged", "unreadable"]


def is_name(text: str) -> bool:
    """Whether a text, which may come from a forged file, can be a part of a file's name without leading anywhere."""
    return re.fullmatch(r"(?!\.)[^/\\\x00-\x1f]+", text) is not None and len(text.encode()) <= LONGEST_NAME


@dataclass(frozen=True, kw_only=True)
class State:
    """state.json: how far a cell is."""

    state: Word = "planned"
    epoch: int = 0  # finished ones
    epochs: int = 0
    heartbeat: str | None = None
    error: str | None = None  # one line


@dataclass(frozen=True, kw_only=True)
class Environment:
    """An item of environment.json: one machine or one resumption, in order; where, with what and when."""

    git_sha: str | None = None
    git_dirty: bool | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    platform: str = ""
    device: str = ""
    device_name: str = ""
    driver: str | None = None
    threads: int = 0
    precision: str = ""
    compile: bool = False
    processes: int = 1  # that train together
    sharing: int = 1  # processes that trained on its GPU at once, each something of its own
    start: str | None = None
    end: str | None = None  # of the cell; only the last item has one


@dataclass(frozen=True, kw_only=True)
class CurveRow:
    """A line of curve.jsonl: one finished epoch."""

    epoch: int
    lr: float
    loss: float
    terms: Mapping[str, float]
    scores: Mapping[str, Mapping[str, float]]  # on the test set, by network and score; {} where it was not evaluated
    validation: Mapping[str, Mapping[str, float]] = field(default_factory=dict)  # on held-out training samples
    flaws: Mapping[str, str] = field(default_factory=dict)  # by network: what the task finds wrong with its answers
    images_per_s: float
    seconds: float  # of the training steps
    method_s: float = 0.0  # of what the method does beside them: `begin`, `end_epoch`, `finish`
    spent_s: float | None = None  # of both, its part of what was made for several cells; None: it was alone

    @property
    def images(self) -> float:
        """How many it has seen, which is not kept, up to rounding."""
        return self.images_per_s * self.seconds

    @property
    def spent(self) -> float:
        """Seconds that were spent on it."""
        return self.seconds + self.method_s if self.spent_s is None else self.spent_s


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Exact sizes of a network, for one image."""

    params: int
    params_with_bn_stats: int
    macs: int
    flops: int
    weights_bytes: int
    activation_bytes: int
    macs_by_torch: int | None = None  # where torch's own counter comes to another number


@dataclass(frozen=True, kw_only=True)
class NetworkResult:
    """A network that a cell has trained: its scores at the last epoch, and what it is."""

    name: str
    role: Literal["student", "ensemble"]
    headline: bool  # whether it counts in the cell's score
    scores: Mapping[str, float]
    best: float  # highest headline score of any epoch, on the test set: optimistic, never ranked
    best_epoch: int
    architecture: str = ""  # the texts that it was built from; empty for those of the cell
    conv: str = ""
    changed: Any = None  # JSON that says how its structure differs from that of the two texts
    structure: str | None = None  # under which its timings are kept
    sizes: Sizes


@dataclass(frozen=True, kw_only=True)
class ByValidation:
    """The student and epoch that were best on held-out training samples, and what they score on the test set."""

    network: str
    epoch: int
    validation: float
    score: float


@dataclass(frozen=True, kw_only=True)
class ResultWarning:
    """Why the score of a finished cell means nothing: it is shown with this, and never ranked or compared."""

    # `constant`: one answer for everything. `chance`: no better than guessing. `loss`: it has exploded. `teacher`: it
    # learnt from a network of which one of these is true.
    kind: Literal["constant", "chance", "loss", "teacher"]
    text: str  # a clause that begins with who it is about


@dataclass(frozen=True, kw_only=True)
class Result:
    """result.json: what came out of a finished cell. It is the last thing written: where it is, the cell is done."""

    key: str
    epochs: int
    test_samples: int
    headline: str  # name of the score that counts
    scores: Mapping[str, float]  # last epoch, mean of the networks that count
    best: float  # the same mean of `headline` at its best epoch: optimistic, never ranked
    best_epoch: int
    by_validation: ByValidation | None = None
    networks: tuple[NetworkResult, ...]
    train_s: float  # all that training takes alone: steps_s + method_s
    steps_s: float
    method_s: float | None  # None where it was not measured (before schema 2)
    spent_s: float | None = None  # less, where teacher and batches were made for several cells; None: it was alone
    train_images_per_s: float
    teacher_train_s: float  # of the teacher and its own teachers
    warnings: tuple[ResultWarning, ...] = ()  # before they were looked for: none
    broken_images: Mapping[str, str] = field(default_factory=dict)  # by name: left out, because they cannot be decoded
    files: Mapping[str, str] = field(default_factory=dict, compare=False)  # SHA-256 of the folder's, by path

    @property
    def spent(self) -> float:
        """Seconds that were spent on its training."""
        return self.train_s if self.spent_s is None else self.spent_s

    @property
    def score(self) -> float:
        """The headline score."""
        return self.scores[self.headline]

    @property
    def doubts(self) -> str:
        """All warnings in a sentence; empty where there is none."""
        return "; ".join(warning.text for warning in self.warnings)

    @property
    def students(self) -> tuple[NetworkResult, ...]:
        """The networks that could be deployed."""
        return tuple(network for network in self.networks if network.role == "student")

    @property
    def counted(self) -> tuple[NetworkResult, ...]:
        """The networks whose mean is the cell's score."""
        return tuple(network for network in self.networks if network.headline)

    def covers(self, curve: Sequence[CurveRow]) -> bool:
        """Whether it is a curve of all its epochs and of every network that counts."""
        names, rows = [network.name for network in self.counted], [row for row in curve[:-1] if row.scores]
        scored = all(self.headline in row.scores.get(name, {}) for row in (*rows, *curve[-1:]) for name in names)
        return scored and [row.epoch for row in curve] == list(range(self.epochs))

    def speaks_of(self, key: str) -> bool:
        """Whether it is that cell's, and has the score that it says counts, of every network; which have names."""
        scored = all(self.headline in scores for scores in (self.scores, *(n.scores for n in self.networks)))
        named = all(map(is_name, (name for n in self.networks for name in (n.name, n.structure) if name is not None)))
        return self.key == key and scored and named and bool(self.counted)


EAGER = "eager"  # PyTorch's own way, by its name as a runtime: what timings were taken by before there were others


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Milliseconds of one image, batch 1."""

    batch: int
    threads: int
    precision: str
    median_ms: float
    q25_ms: float
    q75_ms: float
    q10_ms: float | None = None  # the best decile; it was not kept before
    runs: int


@dataclass(frozen=True, kw_only=True)
class Throughput:
    """Images a second at a large batch."""

    batch: int
    threads: int
    precision: str
    images_per_s: float
    q25: float
    q75: float
    q90: float | None = None  # the best decile; it was not kept before
    runs: int


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """A file of measurements/: how fast one structure runs on one device under one setting."""

    structure: str
    architecture: str
    conv: str
    classes: int
    input: tuple[int, ...]
    device: str
    device_name: str
    date: str
    latency: Latency
    throughput: Throughput
    calibration: Mapping[str, float] = field(default_factory=dict)  # gflops, gb_per_s of the machine at that moment
    runtime: str = EAGER  # by its registered name; before there were others, it was not said
    doubt: str = ""  # a clause about the machine, if it was slower than at its best all along; before: not looked for
    quantised_on: str = ""  # the images by which an int8 form was calibrated
    operators: tuple[Operator, ...] = ()  # of one image, the dearest first; none where there was no profile

    @property
    def latency_doubt(self) -> str:
        """What of the doubt is the latency's: nothing where only batches were uneven (engine/measure/passes.py)."""
        return "" if "runs of a batch" in self.doubt else self.doubt
