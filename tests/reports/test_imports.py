"""A report is read from files: nothing that trains or tracks is imported on the way."""

import subprocess
import sys


def test_a_report_needs_neither_torch_nor_mlflow() -> None:
    code = "import sys; from cheapconv.reports import page; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "torchvision", "mlflow", "sklearn"} & set(done.stdout.split())
