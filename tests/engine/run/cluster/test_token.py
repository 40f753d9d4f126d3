"""A real head of a Ray cluster that asks for a token."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("ray")
pytest.importorskip("ray._private.authentication.authentication_token_setup")

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

TOKEN = "0123456789abcdef" * 4
LOCAL = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_TMPDIR": "/tmp"}  # 127.0.0.1 alone; short paths
LOOK = """
import os
from cheapconv.catalog.errors import UserError
from cheapconv.engine.run.cluster import connection
try:
    with connection.connected(os.environ["ADDRESS"]):
        print("nodes", len(connection.alive()))
except UserError as error:
    print(error)
"""


def wait_until_somebody_listens(port: int) -> None:
    for _ in range(600):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
            return
        time.sleep(0.1)


@pytest.fixture(params=["token", "disabled"])
def head(request, tmp_path) -> Iterator[tuple[str, str]]:
    """Whether it asks for a token, and its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    env = os.environ | {"RAY_AUTH_MODE": request.param, "RAY_AUTH_TOKEN": TOKEN, "HOME": str(tmp_path)}
    env |= LOCAL
    memory = str(100 * 2**20)
    tool = Path(sys.executable).with_name("ray")
    asked = [tool, "start", "--head", "--block", "--port", port, "--num-cpus", "1", "--include-dashboard", "false",
             "--object-store-memory", memory, "--disable-usage-stats"]  # fmt: skip
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(asked, env=env, start_new_session=True, **quiet) as head:
        wait_until_somebody_listens(int(port))
        yield request.param, f"127.0.0.1:{port}"
        os.killpg(head.pid, signal.SIGTERM)  # and no other cluster of this machine


def look(address: str, **more: str) -> list[str]:
    """What one is told who goes to that address: every line of stdout and stderr."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("RAY_AUTH")}
    env |= LOCAL | {"ADDRESS": address, **more}
    done = subprocess.run([sys.executable, "-c", LOOK], env=env, capture_output=True, timeout=60)
    return (done.stdout + done.stderr).decode().splitlines()


def test_the_users_token_is_presented_where_it_is_asked_for(head, tmp_path):
    asks, address = head
    home = tmp_path / "user"
    (home / ".ray").mkdir(parents=True)
    said = f"the Ray cluster at '{address}' asks for its token: " if asks == "token" else "nodes 1"
    assert [line.startswith(said) for line in look(address, HOME=str(home))] == [True]
    (home / ".ray" / "auth_token").write_text(TOKEN)
    assert look(address, HOME=str(home)) == ["nodes 1"]


def test_a_token_that_is_not_the_cluster_s_is_a_sentence(head, tmp_path):
    asks, address = head
    if asks == "token":
        said = look(address, HOME=str(tmp_path / "nobody"), RAY_AUTH_MODE="token", RAY_AUTH_TOKEN="f" * 64)
        assert [line.startswith(f"the Ray cluster at '{address}' asks for its token: ") for line in said] == [True]
