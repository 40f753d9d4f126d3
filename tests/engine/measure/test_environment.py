"""Devices by name, and a record of where a cell ran that survives whatever is missing."""

import subprocess
from importlib.metadata import version
from typing import Any

import pytest
import torch

from cheapconv.catalog.errors import UserError
from cheapconv.engine.measure import machine as environment
from cheapconv.engine.measure.machine import describe, device_name, resolve_device
from cheapconv.suites.place import Place
from tests.engine.tiny import CPU


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sets the number of visible CUDA devices."""

    def install(count: int) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)

    return install


@pytest.mark.parametrize(
    ("text", "count", "expected"),
    [
        ("auto", 0, "cpu"),
        ("auto", 2, "cuda:0"),
        ("cpu", 2, "cpu"),
        ("cuda", 1, "cuda:0"),
        ("cuda:1", 2, "cuda:1"),
    ],
)
def test_a_device_by_name(text, count, expected, cuda):
    cuda(count)
    assert resolve_device(text) == torch.device(expected)


@pytest.mark.parametrize("text", ["gpu", "", "cuda:x", "cuda:-1", "mps", "CPU"])
def test_an_unknown_device_is_refused(text, cuda):
    cuda(1)
    with pytest.raises(UserError, match=f"unknown device '{text}': use auto, cpu, cuda or cuda:n"):
        resolve_device(text)


@pytest.mark.parametrize(("text", "count"), [("cuda", 0), ("cuda:1", 1)])
def test_a_device_that_is_not_there_is_refused(text, count, cuda):
    cuda(count)
    with pytest.raises(UserError, match=f"device '{text}' is not there \\({count} CUDA devices are visible\\)"):
        resolve_device(text)


def test_a_description_has_every_field():
    found = describe(
        Place(CPU, threads=3, sharing=2), precision="bf16", compiled=True, plugins={"plugin mine": "files 1"}
    )
    assert (found.device, found.driver, found.end) == ("cpu", None, None)
    assert (found.precision, found.compile, found.threads, found.sharing) == ("bf16", True, 3, 2)
    assert found.versions["torch"] == version("torch")
    assert found.device_name
    assert found.platform
    assert found.start is not None


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError("git"),
        subprocess.CalledProcessError(128, "git"),
        subprocess.TimeoutExpired("git", 20),
    ],
)
def test_no_commit_is_no_error(error, monkeypatch):
    def fail(*args: Any, **kwargs: Any) -> None:
        raise error

    monkeypatch.setattr(environment.subprocess, "run", fail)
    assert environment._commit.__wrapped__() == (None, None)
    assert environment._driver() is None


@pytest.mark.parametrize(("status", "dirty"), [("", False), (" M engine/train/loop.py\n", True)])
def test_a_commit_is_dirty_when_tracked_files_differ(status, dirty, monkeypatch):
    def answer(command: tuple[str, ...], **options: Any) -> Any:
        out = "abc123\n" if "rev-parse" in command else status
        return subprocess.CompletedProcess(command, 0, stdout=out)

    monkeypatch.setattr(environment.subprocess, "run", answer)
    assert environment._commit.__wrapped__() == ("abc123", dirty)


def test_a_repository_around_the_code_is_not_the_code_s(tmp_path, monkeypatch):
    """Installed inside a checkout of something else, whose files it is none of."""
    for command in (
        ["init", "--quiet"],
        ["-c", "user.name=x", "-c", "user.email=x@x", "commit", "-qm", "x", "--allow-empty"],
    ):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    code = tmp_path / "site-packages" / "engine" / "measure" / "machine.py"
    code.parent.mkdir(parents=True)
    code.touch()
    monkeypatch.setattr(environment, "ROOT", code.parents[2])
    monkeypatch.setattr(environment, "__file__", str(code))
    assert environment._commit.__wrapped__() == (None, None)
    subprocess.run(["git", "add", "."], cwd=tmp_path, check=True)
    sha, dirty = environment._commit.__wrapped__()
    assert (len(sha), dirty) == (12, True)


@pytest.mark.parametrize("cpuinfo", [None, "processor : 0\n"])
def test_a_processor_without_a_name_has_one_anyway(cpuinfo, monkeypatch):
    def read(path: Any) -> str:
        if cpuinfo is None:
            raise FileNotFoundError(path)
        return cpuinfo

    monkeypatch.setattr(environment.Path, "read_text", read)
    monkeypatch.setattr(environment.platform, "processor", lambda: "")
    monkeypatch.setattr(environment.platform, "machine", lambda: "riscv64")
    assert device_name.__wrapped__(CPU) == "riscv64"


@pytest.mark.gpu
def test_cuda_has_a_name():
    found = describe(Place(torch.device("cuda", 0)), precision="fp32", compiled=False, plugins={})
    assert found.device == "cuda:0"
    assert found.device_name == torch.cuda.get_device_name(0)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("processor\t: 0\nmodel name\t: A CPU @ 2 GHz\n", "A CPU @ 2 GHz"),
        ("cpu family\t: 26\nmodel\t\t: 2\nmodel name\t: AMD EPYC\n", "AMD EPYC (family 26, model 2)"),
        ("model name\t: AMD EPYC\n", "AMD EPYC"),
        ("cpu family\t: 6\nmodel\t\t: 143\nmodel name\t: A CPU @ 2 GHz\n", "A CPU @ 2 GHz"),
        ("processor\t: 0\nCPU part\t: 0xd08\n\nModel\t: A board: rev 1\n", "A board: rev 1"),
        ("CPU implementer\t: 0x41\nCPU part\t: 0xd0c\n", "board64 0x41 0xd0c"),
        ("", "board64"),
    ],
)
def test_two_boards_do_not_have_one_name(text, name, monkeypatch):
    monkeypatch.setattr(environment.Path, "read_text", lambda path: text)
    monkeypatch.setattr(environment.platform, "processor", lambda: "")
    monkeypatch.setattr(environment.platform, "machine", lambda: "board64")
    assert device_name.__wrapped__(CPU) == name
