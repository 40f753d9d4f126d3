"""The MLflow server or database: where it is, how it is reached, what it complains of.

MLflow is imported at the first connection: it takes seconds.
"""

import contextlib
import errno
import functools
import logging
import os
import re
import shlex
import shutil
import warnings
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

import filelock

from cheapconv.catalog.errors import UserError
from cheapconv.engine.track.redact import public

if TYPE_CHECKING:
    from mlflow import MlflowClient

DEFAULT_URI = "sqlite:///mlflow.db"
NOWHERE = "none"
SCHEMES = ("sqlite", "postgresql", "mysql", "mssql", "http", "https", "file", "databricks", "databricks-uc", "uc")
# By default MLflow waits 120 s for an answer and asks eight times. A server under load may take seconds, a silent one
# must not cost more than a few of them; whoever was not served comes back later, so nothing is asked twice.
SETTINGS = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
LOCAL_UI = "http://127.0.0.1:5000"
ROOM = 4 * 2**20  # bytes; a database without runs takes 1 MB, and while it is made its journal as much


def tracking_uri(option: str | None = None) -> str | None:
    """The option, else `MLFLOW_TRACKING_URI`, else a database file in the current folder; None for `none`.

    A file is named by its absolute path: the same words mean another file in another folder.
    """
    uri = option or os.environ.get("MLFLOW_TRACKING_URI") or DEFAULT_URI
    if "://" not in uri and not uri.startswith("file:") and uri not in ("databricks", NOWHERE):
        raise UserError(
            f"'{public(uri)}' is no tracking URI: write one such as {DEFAULT_URI} or http://host:5000, or none."
        )
    scheme = re.split(r"[:+]", uri, maxsplit=1)[0]
    if scheme not in (*SCHEMES, NOWHERE) and not entry_points(group="mlflow.tracking_store", name=scheme):
        raise UserError(f"MLflow knows no '{public(scheme)}' tracking: write one of {', '.join(SCHEMES)}, or none.")
    return None if uri == NOWHERE else absolute(uri)


def absolute(uri: str) -> str:
    """The URI with the path of its file or folder, if it names one, made absolute."""
    name, mark, query = uri.partition("?")
    found = re.match(r"(sqlite(?:\+\w+)?:///|file:(?!/))(?=[^/:])(?!file:)", name)
    if not found:
        return uri
    scheme = "file://" if found[1] == "file:" else found[1]
    return f"{scheme}{os.path.abspath(name[found.end() :])}{mark}{query}"


def database_file(uri: str) -> Path | None:
    """The file of an SQLite database; None for every other URI."""
    from sqlalchemy.engine import make_url

    name = make_url(uri).database if uri.startswith("sqlite") else None
    return Path(name) if name and name != ":memory:" and not name.startswith("file:") else None


def silent(uri: str, why: str) -> UserError:
    """What to say to somebody who waits for an answer of MLflow's and gets none."""
    advice = "start it, or name another with --mlflow or MLFLOW_TRACKING_URI"
    return UserError(f"MLflow at {public(uri)} does not answer ({why}): {advice}.")


def page(uri: str, experiment: str) -> str:
    """Where to look at an experiment (all of them if it has no number yet), as a link or as what to run for one.

    MLflow opens on its view of language models, which hides the charts of trainings, unless the link says otherwise.
    """
    view = f"#/experiments{'/' if experiment else ''}{experiment}?workflowType=machine_learning"
    if uri.startswith("http"):
        return f"{public(uri).rstrip('/')}/{view}"
    if uri.startswith("databricks"):
        return public(uri)
    command = shlex.join(["mlflow", "ui", "--host", "127.0.0.1", "--backend-store-uri", public(uri)])
    return f"{command}, then {LOCAL_UI}/{view}"


@functools.cache
def connect(uri: str) -> "MlflowClient":
    """A client with short time-outs and without chatter, unless the user's environment says otherwise."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    # MLflow's table definitions raise it under SQLAlchemy 2.1.
    warnings.filterwarnings("ignore", message="The ``noload`` loader strategy", category=DeprecationWarning)
    from mlflow import MlflowClient

    if "MLFLOW_LOGGING_LEVEL" not in os.environ:
        logging.getLogger("mlflow").setLevel(logging.CRITICAL)
    if uri.startswith("sqlite"):
        create_database(uri)
    return MlflowClient(tracking_uri=uri)


def create_database(uri: str, room: int = ROOM) -> None:
    """Create the tables of a new SQLite file under another name, then rename it.

    MLflow builds them by dozens of migrations that cannot be taken up half-way: a process killed meanwhile, or two
    that start at once, would leave a file that no later run can use. Where its disk has no `room` (bytes), MLflow would
    complain of a table that is there already, so OSError says it first.
    """
    file = database_file(uri)
    if file is None or file.exists():
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(file.parent).free < room:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(file))
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    with filelock.FileLock(f"{file}.lock"):
        for left in drafts(file):
            left.unlink()
        if not file.exists():
            draft = file.with_name(f"{file.name}.new")
            SqlAlchemyStore(f"sqlite:///{draft}", "./mlruns").engine.dispose()
            draft.rename(file)


def tidy(uri: str | None) -> int:
    """Remove the draft of a database whose making was killed; the number of files removed."""
    file = database_file(uri or "")
    if file is None or not drafts(file):
        return 0
    with contextlib.suppress(filelock.Timeout), filelock.FileLock(f"{file}.lock", timeout=0):  # else it is being made
        found = drafts(file)
        for left in found:
            left.unlink()
        return len(found)
    return 0


def drafts(file: Path) -> list[Path]:
    """The draft of a database with what SQLite keeps beside it."""
    paths = [file.with_name(f"{file.name}.new{suffix}") for suffix in ("", "-journal", "-wal", "-shm")]
    return [path for path in paths if path.exists()]
