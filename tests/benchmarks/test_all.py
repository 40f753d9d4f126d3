"""Every benchmark runs: once, and as small as it can be asked to be."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SMALL = {"CHEAPCONV_BENCH_IMAGES": "32", "CHEAPCONV_BENCH_CELLS": "50", "CHEAPCONV_BENCH_ROUNDS": "1"}


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(path.name for path in (ROOT / "benchmarks").glob("test_*.py")))
def test_it_runs(name: str) -> None:
    command = [sys.executable, "-m", "pytest", f"benchmarks/{name}", "--benchmark-disable"]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | SMALL, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.mark.slow
@pytest.mark.parametrize(
    "words", [["registry"], ["loader_memory", "50", "1"], ["all_pairs"]], ids=lambda words: words[0]
)
def test_a_script_runs(words: list[str]) -> None:
    command = [sys.executable, "-m", f"benchmarks.{words[0]}", *words[1:]]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
