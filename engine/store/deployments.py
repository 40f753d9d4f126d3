"""Deployments of a finished cell: the scores and sizes of its students in another precision than they were trained in,
each by a runtime. A file a runtime and precision, in the cell's run folder.

They are of one result: those of an earlier one count for nothing, and a damaged file is as if it were not there.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

from cheapconv.engine.store.documents import document, look
from cheapconv.engine.store.files import make_folder, sha256, write_json
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
        """Of its file."""
        return f"{self.runtime}-{self.precision}"


def read(run: Run) -> list[Deployment]:
    """Those of a cell's result, by name."""
    if run.result() is None:
        return []
    noted = sha256(run.folder / RESULT)
    paths = sorted((run.folder / FOLDER).glob("*.json"))
    found = (look(path, Deployment, belongs=lambda deployment: deployment.result == noted).value for path in paths)
    return [deployment for deployment in found if deployment is not None]


def write(run: Run, deployment: Deployment) -> None:
    """Keep one, as of the result that the cell has."""
    make_folder(run.folder / FOLDER)
    own = replace(deployment, result=sha256(run.folder / RESULT))
    write_json(run.folder / FOLDER / f"{own.name}.json", document(asdict(own)))
