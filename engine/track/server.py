"""The MLflow server or database: where it is, how it is reached, what it complains of.

MLflow is imported at the first connection: it takes seconds.
"""

import functools
import logging
import os
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import filelock

from cheapconv.catalog.errors import UserError

if TYPE_CHECKING:
    from mlflow import MlflowClient

DEFAULT_URI = "sqlite:///mlflow.db"
NOWHERE = "none"
# By default MLflow waits 120 s for an answer and asks eight times; a follower asks once and comes back later.
SETTINGS = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "4",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}


def tracking_uri(option: str | None = None) -> str | None:
    """The option, else `MLFLOW_TRACKING_URI`, else a database file in the current folder; None for `none`."""
    uri = option or os.environ.get("MLFLOW_TRACKING_URI") or DEFAULT_URI
    if "://" not in uri and uri not in ("databricks", NOWHERE):
        raise UserError(f"'{uri}' is no tracking URI: write one such as {DEFAULT_URI} or http://host:5000, or none.")
    return None if uri == NOWHERE else uri


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


def create_database(uri: str) -> None:
    """Create the tables of a new SQLite file under another name, then rename it.

    MLflow builds them by dozens of migrations that cannot be taken up half-way: a process killed meanwhile, or two
    that start at once, would leave a file that no later run can use.
    """
    from sqlalchemy.engine import make_url

    name = make_url(uri).database
    if not name or name == ":memory:" or name.startswith("file:") or Path(name).exists():
        return
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    file = Path(name)
    draft = file.with_name(f"{file.name}.new")
    file.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(f"{file}.lock"):
        draft.unlink(missing_ok=True)
        if not file.exists():
            SqlAlchemyStore(f"sqlite:///{draft}", "./mlruns").engine.dispose()
            draft.rename(file)


def reason(error: Exception) -> str:
    """An error of MLflow in a few words: its first line, or the cause at the end of a chain of HTTP errors."""
    line = public((str(error).strip() or type(error).__name__).splitlines()[0])
    if re.search("Caused by|timeout exception", line):
        last = re.split(": |>, ['\"]", line)[-1]
        line = re.sub(r"[\"']\)+$", "", last)
    return line if len(line) <= 160 else line[:157] + "..."


def public(text: str) -> str:
    """The text with user names and passwords removed from its URLs."""
    return re.sub(r"//[^/@\s]*@", "//", text)
