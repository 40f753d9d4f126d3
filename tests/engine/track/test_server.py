"""Where the tracking server is, and what is said when it cannot be reached."""

import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import filelock
import pytest

from cheapconv.catalog.errors import UserError
from cheapconv.engine.track.server import connect, create_database, page, tidy, tracking_uri


def test_the_option_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    assert tracking_uri() == f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://a:5000")
    assert tracking_uri() == "http://a:5000"
    assert tracking_uri("http://b:5000") == "http://b:5000"
    assert tracking_uri("none") is None


def test_what_is_no_uri_is_a_user_error() -> None:
    with pytest.raises(UserError, match=r"'mlflow\.db' is no tracking URI: write one such as sqlite:///mlflow\.db"):
        tracking_uri("mlflow.db")
    with pytest.raises(
        UserError, match=r"MLflow knows no 'foo' tracking: write one of sqlite, postgresql, .*, or none"
    ):
        tracking_uri("foo://me:secret@host")


@pytest.mark.parametrize(
    ("uri", "known_as"),
    [
        ("postgresql+psycopg2://me@host/mlflow", "postgresql+psycopg2://me@host/mlflow"),
        ("sqlite:///mlflow.db", "sqlite:///HERE/mlflow.db"),
        ("sqlite:///../x.db?timeout=3", "sqlite:///ABOVE/x.db?timeout=3"),
        ("sqlite+pysqlite:///./a/x.db", "sqlite+pysqlite:///HERE/a/x.db"),
        ("file:mlruns", "file://HERE/mlruns"),
        *((uri, uri) for uri in ("sqlite:////a/x.db", "sqlite:///:memory:", "file:///a", "http://h:1/x", "databricks")),
    ],
)
def test_a_file_is_named_by_its_absolute_path(
    uri: str, known_as: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert tracking_uri(uri) == known_as.replace("HERE", str(tmp_path)).replace("ABOVE", str(tmp_path.parent))


@pytest.mark.parametrize(
    ("uri", "where"),
    [
        ("http://me:secret@h:5000/", "http://h:5000/#/experiments/3?workflowType=machine_learning"),
        (
            "sqlite:////a b/x.db",
            "mlflow ui --host 127.0.0.1 --backend-store-uri 'sqlite:////a b/x.db', "
            "then http://127.0.0.1:5000/#/experiments/3?workflowType=machine_learning",
        ),
    ],
)
def test_the_page_is_the_view_of_trainings_on_this_machine_alone(uri: str, where: str) -> None:
    assert page(uri, "3") == where


def test_the_draft_of_a_database_whose_making_was_killed_is_found(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    for name in ("mlflow.db.new", "mlflow.db.new-journal"):
        (tmp_path / name).write_bytes(b"half")
    with filelock.FileLock(tmp_path / "mlflow.db.lock"):
        assert tidy(uri) == 0, "it is being made"
    assert tidy(uri) == 2
    assert [tidy(uri), tidy(None), tidy("http://h")] == [0, 0, 0]


@pytest.mark.slow
def test_two_that_create_the_database_at_once_both_get_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    uri = f"sqlite:///{tmp_path}/new/mlflow.db"
    with ThreadPoolExecutor(2) as threads:
        clients = list(threads.map(connect.__wrapped__, [uri, uri]))
    assert clients[0].create_experiment("x") == clients[1].get_experiment_by_name("x").experiment_id
    assert not caplog.records


def test_no_database_is_begun_on_a_disk_without_room(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space left on device"):
        create_database(f"sqlite:///{tmp_path}/mlflow.db", room=2**60)
    assert not [*tmp_path.iterdir()]
