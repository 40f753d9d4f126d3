"""Deployments of a finished cell: the scores and sizes of its students in another precision than they were trained in,
each by a runtime. A file a runtime and precision, in the cell's run folder.

They are of one result: those of an earlier one count for nothing, and a damaged file is as if it were not there.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from statistics import fmean

from cheapconv.engine.store.documents import document, look
from cheapconv.engine.store.files import make_folder, sha256, write_json
from cheapconv.engine.store.records import Measurement, Result
from cheapconv.engine.store.runs import RESULT, Run

FOLDER = "deployments"


@dataclass(frozen=True, kw_only=True)
class DeployedStudent:
    """A student in the form in which a runtime answers."""

    name: str
    structure: str | None
    scores: Mapping[str, float]  # by name, of the test samples
    weights_bytes: int  # of the files that are shipped


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """All students of a cell by one runtime."""

    runtime: str  # by its registered name
    runtime_label: str
    runtime_version: str | None
    precision: str
    quantised_on: str  # the images by which it was calibrated
    test_samples: int
    students: tuple[DeployedStudent, ...]
    device_name: str
    date: str
    result: str = ""  # hash of the result.json that it is of

    @property
    def name(self) -> str:
        """Of its file, and what timings of such a form are known by."""
        return f"{self.runtime}-{self.precision}"

    def speaks_of(self, result: Result) -> bool:
        """Whether it has a size and the score that counts of every network that counts."""
        own = {student.name: student for student in self.students if student.weights_bytes > 0}
        names = [network.name for network in result.counted]
        return all(name in own and result.headline in own[name].scores for name in names)

    def counted(self, result: Result) -> list[DeployedStudent]:
        """The students whose mean is the cell's score."""
        own = {student.name: student for student in self.students}
        return [own[network.name] for network in result.counted]

    def means(self, result: Result) -> dict[str, float]:
        """Every score, as the mean of the students that count."""
        counted = self.counted(result)
        names = [name for name in counted[0].scores if all(name in student.scores for student in counted)]
        return {name: fmean(student.scores[name] for student in counted) for name in names}

    def weights_bytes(self, result: Result) -> int:
        """What is shipped of the first student that counts, of which a cell's sizes are."""
        return self.counted(result)[0].weights_bytes


def timed(timing: Measurement) -> str:
    """The name of the deployments that a timing is of; empty where the network was timed as it was trained."""
    precision = timing.latency.precision
    return "" if precision == "fp32" else f"{timing.runtime}-{precision}"


def read(run: Run) -> list[Deployment]:
    """Those of a cell's result, by name."""
    paths, result = sorted((run.folder / FOLDER).glob("*.json")), run.result()
    if not paths or result is None:
        return []
    noted = sha256(run.folder / RESULT)
    found = (
        look(path, Deployment, belongs=lambda own: own.result == noted and own.speaks_of(result)) for path in paths
    )
    return [each.value for each in found if each.value is not None]


def write(run: Run, deployment: Deployment) -> None:
    """Keep one, as of the result that the cell has."""
    make_folder(run.folder / FOLDER)
    own = replace(deployment, result=sha256(run.folder / RESULT))
    write_json(run.folder / FOLDER / f"{own.name}.json", document(asdict(own)))
