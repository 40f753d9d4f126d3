"""What docs/cluster.md gives away to be run elsewhere: as far as it can be looked at here."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from cheapconv import runner

FOLDER = Path(__file__).parents[2] / "docs" / "cluster"
JOB = {  # of ray.io/v1, as far as it is used
    *("entrypoint", "shutdownAfterJobFinishes", "backoffLimit", "rayClusterSpec"),
}
CLUSTER = {"rayVersion", "enableInTreeAutoscaling", "headGroupSpec", "workerGroupSpecs"}
WORKERS = {"groupName", "replicas", "minReplicas", "maxReplicas", "rayStartParams", "template"}


def options_of(text: str) -> set[str]:
    """Of `cheapconv run`."""
    command = next(line for line in text.splitlines() if "cheapconv run" in line and not line.startswith("#"))
    return {word for word in command.split() if word.startswith("--")}


def known() -> set[str]:
    """Options of `cheapconv run`."""
    import typer.main

    run = typer.main.get_command(runner.app).commands["run"]  # type: ignore[attr-defined]
    return {name for parameter in run.params for name in parameter.opts}


@pytest.fixture
def job() -> dict[str, Any]:
    return YAML(typ="safe").load((FOLDER / "rayjob.yaml").read_text())


def test_the_slurm_script_is_bash():
    subprocess.run(["bash", "-n", FOLDER / "sweep.slurm"], check=True)


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not here")
def test_shellcheck_has_nothing_to_say_of_it():
    found = subprocess.run(["shellcheck", FOLDER / "sweep.slurm"], capture_output=True, text=True)
    assert (found.returncode, found.stdout) == (0, "")


@pytest.mark.parametrize("name", ["sweep.slurm", "rayjob.yaml"])
def test_the_options_are_those_of_run(name):
    asked = options_of((FOLDER / name).read_text())
    assert "--cluster" in asked
    assert asked <= known()


def test_the_job_has_the_fields_of_its_kind(job):
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    assert job["spec"].keys() == JOB
    cluster = job["spec"]["rayClusterSpec"]
    assert cluster.keys() == CLUSTER
    assert cluster["headGroupSpec"].keys() == {"rayStartParams", "template"}
    for group in cluster["workerGroupSpecs"]:
        assert group.keys() == WORKERS
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    assert all(isinstance(value, str) for group in groups for value in group["rayStartParams"].values())


def test_its_pods_are_pods(job):
    validate = pytest.importorskip("kubernetes_validate").validate
    cluster = job["spec"]["rayClusterSpec"]
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": group["template"]["spec"]}
        validate(pod, "1.30", strict=True)
