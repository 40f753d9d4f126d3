"""Where the tracking server is, and what is said when it cannot be reached."""

import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cheapconv.catalog.errors import UserError
from cheapconv.engine.track.server import connect, reason, tracking_uri


def test_the_option_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert tracking_uri() == "sqlite:///mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://a:5000")
    assert tracking_uri() == "http://a:5000"
    assert tracking_uri("http://b:5000") == "http://b:5000"
    assert tracking_uri("none") is None


def test_what_is_no_uri_is_a_user_error() -> None:
    with pytest.raises(UserError, match=r"'mlflow\.db' is no tracking URI: write one such as sqlite:///mlflow\.db"):
        tracking_uri("mlflow.db")


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("Max (Caused by New(\"C(host='h'): no: [Errno 111] refused\"))", "[Errno 111] refused"),
        ("Max (Caused by ConnectTimeoutError(<x at 0x7f>, 'To h timed out. (after 4)'))", "To h timed out. (after 4)"),
        ("failed with timeout exception Pool(host='h'): Read timed out. (after 4)", "Read timed out. (after 4)"),
        ("permission denied\nlong story", "permission denied"),
        ("no table at postgresql://me:secret@host/db", "no table at postgresql://host/db"),
        ("x" * 200, "x" * 157 + "..."),
        ("", "ValueError"),
    ],
)
def test_a_reason_is_short(text: str, short: str) -> None:
    assert reason(ValueError(text)) == short


@pytest.mark.slow
def test_two_that_create_the_database_at_once_both_get_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    uri = f"sqlite:///{tmp_path}/new/mlflow.db"
    with ThreadPoolExecutor(2) as threads:
        clients = list(threads.map(connect.__wrapped__, [uri, uri]))
    assert clients[0].create_experiment("x") == clients[1].get_experiment_by_name("x").experiment_id
    assert not caplog.records
