"""A real PostgreSQL and a real MLflow server on 127.0.0.1, which can be killed and brought back."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PATIENCE_S = 600.0  # until a server answers, on a busy machine
TICK_S = 0.1
SCHEME = "postgresql+psycopg2"  # without a driver's name it is SQLAlchemy that chooses, by its version
USER, PASSWORD, DATABASE = "mlflow", "hush-4711-hush", "mlflow"


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def until(what: str, holds: Any) -> None:
    """Wait until `holds()`."""
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, f"{what}: not within {PATIENCE_S:g} s"
        time.sleep(TICK_S)


class Postgres:
    """A cluster in a folder of its own. PostgreSQL runs for nobody who is root: as Debian's user `postgres` then."""

    def __init__(self, folder: Path) -> None:
        self.port, self._folder, self._data = free_port(), folder, folder / "data"
        self._bin = max(
            Path("/usr/lib/postgresql").glob("*/bin"), default=None, key=lambda path: float(path.parent.name)
        )
        self._as = ["runuser", "--user", "postgres", "--"] if os.getuid() == 0 else []
        if self._as:
            shutil.chown(folder, "postgres")
        secret = folder / "password"
        secret.write_text(PASSWORD)
        self._do("initdb", "--username", USER, "--pwfile", str(secret), "--auth", "scram-sha-256", "--encoding", "UTF8")
        secret.unlink()

    def _do(self, program: str, *words: str, check: bool = True) -> int:
        path = str(self._bin / program) if self._bin else program
        command = [*self._as, path, "--pgdata", str(self._data), *words]
        done = subprocess.run(command, cwd=self._folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        assert not check or done.returncode == 0, f"{command} ended with {done.returncode}"
        return done.returncode

    def start(self) -> None:
        """Start, or again after a kill; what was killed may still be there for a moment."""
        options = f"-p {self.port} -k {self._folder} -c listen_addresses=127.0.0.1"
        log = str(self._folder / "log")
        words = ("--log", log, "--wait", "--options", options, "start")
        until("PostgreSQL", lambda: self._do("pg_ctl", *words, check=False) == 0)
        with contextlib.suppress(Exception), self.connected("postgres") as database:
            database.autocommit = True
            database.cursor().execute(f"create database {DATABASE}")

    def kill(self) -> None:
        """SIGKILL to the server and all that work for it."""
        pid = int((self._data / "postmaster.pid").read_text().split()[0])
        workers = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for victim in (pid, *map(int, workers)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)

    def stop(self) -> None:
        """End it, however it is."""
        self._do("pg_ctl", "--mode", "immediate", "stop", check=False)

    @contextlib.contextmanager
    def connected(self, database: str = DATABASE) -> Iterator[Any]:
        """A connection."""
        import psycopg2

        connection = psycopg2.connect(self.uri(database).replace("+psycopg2", ""))
        try:
            yield connection
        finally:
            connection.close()

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        with self.connected() as database, database.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchall()

    def uri(self, database: str = DATABASE) -> str:
        """With the password."""
        return f"{SCHEME}://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{database}"


class MlflowServer:
    """`mlflow server` as docs/tracking.md starts it: the password is in the environment alone."""

    def __init__(self, folder: Path, postgres: Postgres) -> None:
        self.port, self._folder, self._postgres = free_port(), folder, postgres
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start, and wait until it answers."""
        command = [sys.executable, "-P", "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port)]
        command += ["--workers", "2", "--artifacts-destination", str(self._folder / "artifacts")]
        uri = f"{SCHEME}://{USER}@127.0.0.1:{self._postgres.port}/{DATABASE}"
        environment = os.environ | {"PGPASSWORD": PASSWORD, "MLFLOW_BACKEND_STORE_URI": uri}
        environment |= {"MLFLOW_SERVER_ALLOWED_HOSTS": "localhost:*,127.0.0.1:*", "MLFLOW_DISABLE_TELEMETRY": "true"}
        with (self._folder / "mlflow.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=self._folder, env=environment, start_new_session=True, stdout=log, stderr=log
            )
        until("MLflow", lambda: self.answers() or self.ended())

    def answers(self) -> bool:
        """Whether it does, and its database too."""
        with contextlib.suppress(OSError):
            for path in ("health", "api/2.0/mlflow/experiments/get?experiment_id=0"):
                urllib.request.urlopen(f"{self.uri}/{path}", timeout=10).close()
            return True
        return False

    def ended(self) -> bool:
        """Never: a server that has ended by itself fails the test with what it said last."""
        assert self._process
        assert self._process.poll() is None, (self._folder / "mlflow.log").read_text()[-2000:]
        return False

    def kill(self) -> None:
        """SIGKILL to the server and its workers."""
        if self._process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    stop = kill


@contextlib.contextmanager
def team() -> Iterator[tuple[Postgres, MlflowServer]]:
    """Both, started; stopped and gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="cheapconv-integration-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # another user's folder is in it
        (folder / "postgres").mkdir()
        postgres = Postgres(folder / "postgres")
        server = MlflowServer(folder, postgres)
        try:
            postgres.start()
            server.start()
            yield postgres, server
        finally:
            server.stop()
            postgres.stop()
