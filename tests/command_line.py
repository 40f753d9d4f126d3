"""The command line in the test's own process, on the tiny suite, without MLflow and timings."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from cheapconv import runner
from tests.engine import tiny

REGISTRY = """\
sweeps:
  small:
    description: A teacher and its student.
    suite: tiny
    recipe: short
    epochs: 1
    entries:
      - {name: teacher, architecture: WRN-10-1, conv: standard, method: scratch, seeds: [5]}
      - {architecture: WRN-10-1, conv: "G(2)", method: {kd: {teacher: teacher}}}
  broken:
    suite: tiny
    recipe: short
    epochs: 1
    entries:
      - {architecture: WRN-10-1, conv: standard, method: [raising, scratch]}
  interrupted:
    suite: tiny
    recipe: short
    epochs: 2
    entries:
      - {architecture: WRN-10-1, conv: standard, method: interrupting}
"""


class CommandLine:
    """Calls `runner.main` in an empty folder with a registry, and without what the user's environment may say."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        tiny.install(monkeypatch)
        tiny.skip_measuring(monkeypatch)
        tiny.skip_mlflow(monkeypatch)
        monkeypatch.setenv("MLFLOW_TRACKING_URI", tiny.NO_MLFLOW)
        monkeypatch.delenv("CHEAPCONV_DATA", raising=False)
        monkeypatch.chdir(folder)
        (folder / "registry.yaml").write_text(REGISTRY)
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code, stdout and stderr of `cheapconv ARGUMENTS`."""
        self._monkeypatch.setattr(sys, "argv", ["cheapconv", *arguments])
        self._monkeypatch.setattr(sys, "path", [*sys.path])
        with pytest.raises(SystemExit) as end:
            runner.main()
        out, err = self._capsys.readouterr()
        return int(end.value.code or 0), out, err

    def document(self, *arguments: str) -> Any:
        """The one document that a command with --json prints."""
        code, out, err = self(*arguments, "--json")
        assert (code, err) == (0, "")
        return json.loads(out)
