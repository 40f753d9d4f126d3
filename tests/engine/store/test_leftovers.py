"""What a kill leaves in any place of a store is found by cleaning at once, and nothing of a process that lives."""

import subprocess
import sys
from pathlib import Path

from cheapconv.engine.store.runs import Store

FOLDERS = ("sweeps", "measurements", "compute", "probes")
PLACES = (
    *(f"{folder}/x.json" for folder in FOLDERS),
    "mlflow.json",
    "cell/mlflow.json",
    "cell/networks/n.pt",
    "cell/x",
)
WRITING = """
import contextlib, sys, time
from pathlib import Path
from cheapconv.engine.store.files import replacing
with contextlib.ExitStack() as stack:
    for path in map(Path, sys.argv[1:]):
        stack.enter_context(replacing(path)).write_bytes(b"half")
    print("writing", flush=True)
    time.sleep(600)
"""


def test_leftovers_of_a_kill_are_found_everywhere(tmp_path: Path) -> None:
    paths = [tmp_path / place for place in PLACES]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "cell" / "cell.json").write_text("{}")
    command = [sys.executable, "-c", WRITING, *map(str, paths)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
        assert writer.stdout
        writer.stdout.readline()
        assert Store(tmp_path).tidy() == 0
        writer.kill()
    assert Store(tmp_path).tidy() == len(PLACES)
    assert not [*tmp_path.rglob("unfinished-*")]
