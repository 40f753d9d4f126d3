"""compose.yaml: who can reach what, where the password is, and which versions run."""

import re
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "compose.yaml").read_text()


def filled() -> str:
    """With a password in the environment and nothing else."""
    return re.sub(r"\$\{\w+:([-?])([^}]*)\}", lambda found: found[2] if found[1] == "-" else "hush", TEXT)


def services() -> dict[str, Any]:
    return YAML(typ="safe").load(filled())["services"]


def test_only_this_machine_reaches_mlflow_and_only_mlflow_the_database() -> None:
    assert services()["mlflow"]["ports"] == ["127.0.0.1:5000:5000"]
    assert "ports" not in services()["database"]


def test_the_password_comes_from_the_environment_and_is_in_no_uri_or_command() -> None:
    assert TEXT.count("${MLFLOW_DATABASE_PASSWORD:?") == 2
    holding = {
        (name, field, variable)
        for name, service in services().items()
        for field, values in service.items()
        for variable, value in (values.items() if isinstance(values, dict) else [("", values)])
        if "hush" in str(value)
    }
    assert holding == {("database", "environment", "POSTGRES_PASSWORD"), ("mlflow", "environment", "PGPASSWORD")}
    assert "/.env" in (ROOT / ".gitignore").read_text().splitlines()


def test_mlflow_waits_for_the_database_and_both_are_watched_and_kept() -> None:
    mlflow, database = services()["mlflow"], services()["database"]
    assert mlflow["depends_on"] == {"database": {"condition": "service_healthy"}}
    assert {mlflow["restart"], database["restart"]} == {"unless-stopped"}
    assert "pg_isready" in database["healthcheck"]["test"]
    assert "/api/2.0/mlflow/experiments/get" in mlflow["healthcheck"]["test"][-1]
    assert [mlflow["volumes"], database["volumes"]] == [["artifacts:/artifacts"], ["database:/var/lib/postgresql/data"]]


def test_the_server_is_the_locked_mlflow_and_its_driver_the_tested_one() -> None:
    build = services()["mlflow"]["build"]["dockerfile_inline"]
    locked = re.search(r"^mlflow==\S+", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    tested = re.search(r"psycopg2-binary==\S+", (ROOT / "Makefile").read_text())
    assert locked
    assert tested
    assert {locked[0], tested[0]} <= {*build.split()}
