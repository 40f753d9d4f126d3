"""A trained network in MLflow: a model of its cell's run, and on request a version of a registered model.

It is sent as MLflow's `onnx` flavour. `mlflow.pyfunc` and `mlflow.onnx` load that wherever ONNX Runtime is, without
PyTorch or this package. The `pytorch` flavour is a pickle, which needs the code that it was made by and runs what it
holds, or a torch.export file, which is promised to load in the torch that wrote it alone.
"""

import tempfile
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from cheapconv.catalog.errors import UserError
from cheapconv.engine.track import server
from cheapconv.engine.track.mirror import Connect
from cheapconv.engine.track.redact import public, reason
from cheapconv.engine.track.tracked import CellRefusedError

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel
    from mlflow.models import ModelSignature

IDENTITY = ("cell_key", "student", "weights_sha256")  # what is the same in all of these is sent once
NEEDS = ("numpy", "onnx", "onnxruntime")
T = TypeVar("T")


@dataclass(frozen=True)
class Student:
    """A network that is to be a model."""

    label: str
    file: Path  # ONNX
    said: Mapping[str, object]  # as JSON, for programs
    image: tuple[int, ...]  # (C, H, W), what it takes, as many as there are
    logits: tuple[int, ...]  # of one image
    tags: Mapping[str, str]
    note: str  # Markdown


class Models:
    """The models of the MLflow at `uri`. What it refuses, and that it does not answer, is a UserError."""

    def __init__(self, uri: str, connect: Connect = server.connect) -> None:
        self._uri = uri
        self._client = self.asked(lambda: connect(uri))

    def require_registry(self) -> None:
        """A UserError where models cannot be registered."""
        try:
            self._client.search_registered_models(max_results=1)
        except Exception as error:  # servers say in many ways what they do not have
            self.asked(lambda: self._client.search_experiments(max_results=1))
            raise UserError(
                f"MLflow at {public(self._uri)} has no model registry ({reason(error, self._uri)}): name another with "
                "--mlflow or MLFLOW_TRACKING_URI, or log the network with its run alone, by --unregistered."
            ) from error

    def version(self, name: str, tags: Mapping[str, str]) -> int | None:
        """The version of a registered model that is the network of these tags; None where there is none yet."""
        found = self.asked(lambda: self._client.search_model_versions(f"name = '{name}'"))
        same = [each for each in found if all(each.tags.get(tag) == tags[tag] for tag in IDENTITY)]
        return max((int(each.version) for each in same if each.status == "READY"), default=None)

    def log(self, student: Student, run_id: str, experiment_id: str) -> "LoggedModel":
        """The student as a model of a run, sent where it is not there yet."""
        from mlflow.entities import LoggedModelOutput, LoggedModelStatus

        client, tags = self._client, dict(student.tags)
        chosen = f"source_run_id = '{run_id}'"
        for found in self.asked(lambda: client.search_logged_models([experiment_id], chosen)):
            if found.status == LoggedModelStatus.READY and all(found.tags.get(tag) == tags[tag] for tag in IDENTITY):
                return found
        model = self.asked(
            lambda: client.create_logged_model(experiment_id, student.label, run_id, tags, model_type="student")
        )
        try:
            with tempfile.TemporaryDirectory() as folder:
                saved = save(student, model, Path(folder) / "model")
                self.asked(lambda: client.log_model_artifacts(model.model_id, str(saved)))
        except BaseException:
            with suppress(Exception):  # the server may be gone, and what happened first is what counts
                client.finalize_logged_model(model.model_id, LoggedModelStatus.FAILED)
            raise
        self.asked(lambda: client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step=0)]))
        return self.asked(lambda: client.finalize_logged_model(model.model_id, LoggedModelStatus.READY))

    def register(self, name: str, student: Student, model: "LoggedModel") -> int:
        """Make a version of a registered model, and that as need be; its number."""
        from mlflow.exceptions import MlflowException

        client, tags = self._client, dict(student.tags)
        with suppress(MlflowException):  # most often it is there; if it cannot be, the next request says why
            client.create_registered_model(name)
        # Of `models:/ID` as a source, and of a model without its run, MLflow would ask another database: its default.
        source, run_id = model.artifact_location, model.source_run_id
        made = self.asked(
            lambda: client.create_model_version(
                name, source, run_id, tags, description=student.note, model_id=model.model_id
            )
        )
        return int(made.version)

    def asked(self, request: Callable[[], T]) -> T:
        """What the server answers."""
        from mlflow.exceptions import MlflowException

        try:
            return request()
        except UserError:
            raise
        except CellRefusedError as error:
            raise UserError(f"its cell cannot be shown in MLflow: {str(error).rstrip('.')}.") from error
        except Exception as error:  # MLflow, its database and its network raise too many kinds to name
            why = reason(error, self._uri)
            if isinstance(error, MlflowException) and error.get_http_status_code() == 400:
                raise UserError(f"MLflow at {public(self._uri)} refuses this: {why.rstrip('.')}.") from error
            raise server.silent(self._uri, why) from error


def save(student: Student, model: "LoggedModel", folder: Path) -> Path:
    """The folder, with the student as MLflow keeps models."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what MLflow thinks of its own type hints
        import mlflow.onnx
        import onnx
        from mlflow.models import Model

        description = Model(
            artifact_path=model.artifact_location,
            run_id=model.source_run_id,
            model_uuid=model.model_id,
            model_id=model.model_id,
        )
        mlflow.onnx.save_model(
            onnx.load(student.file),
            folder,
            mlflow_model=description,
            signature=signature(student),
            metadata=dict(student.said),
            pip_requirements=[f"{package}=={version(package)}" for package in NEEDS],
            onnx_execution_providers=["CPUExecutionProvider"],  # by which it was checked
            save_as_external_data=False,
        )
    return folder


def signature(student: Student) -> "ModelSignature":
    """What goes in and comes out, of as many images as there are. No image is sent as an example: they have owners."""
    import numpy
    from mlflow.models import ModelSignature
    from mlflow.types.schema import Schema, TensorSpec

    kind = numpy.dtype("float32")
    # A name would make pyfunc refuse a plain array.
    images, logits = TensorSpec(kind, (-1, *student.image)), TensorSpec(kind, (-1, *student.logits), "logits")
    return ModelSignature(Schema([images]), Schema([logits]))
