"""The code of a guide: its files, its shell commands, and a folder in which they are tried out."""

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILE = re.compile(r"^`([\w.]+)`[^\n]*:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHELL = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NO_TRACKING = "none"  # no part of the guides, and a database takes seconds to make


@dataclass(frozen=True)
class Guide:
    """A page of docs/."""

    text: str

    @classmethod
    def read(cls, name: str) -> "Guide":
        """The page `name`."""
        return cls((ROOT / "docs" / name).read_text())

    @property
    def files(self) -> dict[str, str]:
        """Contents of the files that the page shows, by the name before the block."""
        return dict(FILE.findall(self.text))

    @property
    def commands(self) -> list[list[str]]:
        """Arguments of every `cheapconv` in the shell blocks."""
        lines = "".join(SHELL.findall(self.text)).splitlines()
        return [shlex.split(line)[1:] for line in lines if line.startswith("cheapconv ")]

    def write(self, folder: Path) -> None:
        """The files, in `folder`, beside a user's own modules whose names are those of our rooms."""
        for room in ("models", "methods", "engine"):
            (folder / f"{room}.py").write_text("raise RuntimeError('a user's own module')\n")
        for name, content in self.files.items():
            (folder / name).write_text(content)

    def run(self, folder: Path) -> None:
        """Run the page's shell blocks in `folder`, where `cheapconv` is this checkout's."""
        command = folder / "bin" / "cheapconv"
        command.parent.mkdir()
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m cheapconv.runner "$@"\n')
        command.chmod(0o755)
        path = f"{command.parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["sh", "-e", "-c", "\n".join(SHELL.findall(self.text))],
            cwd=folder,
            env={**os.environ, "PATH": path, "OMP_NUM_THREADS": "1", "MLFLOW_TRACKING_URI": NO_TRACKING},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
