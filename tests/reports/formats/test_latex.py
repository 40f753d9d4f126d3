"""The LaTeX table is read by LaTeX itself, where there is one."""

import shutil
import subprocess
from pathlib import Path

import pytest

from cheapconv.reports.answers.content import build
from cheapconv.reports.formats import tables
from tests.reports.store import Store

SPECIAL = (r"a_b & 100 %", r"$x_1$ #2", r"{}~^ \textbf", r"[0.5ex] \\", "]}{[")
COMMANDS = {
    "pdflatex": ("-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape"),
    "tectonic": ("--untrusted", "--only-cached"),  # nothing is fetched
}
COMMAND = next((name for name in COMMANDS if shutil.which(name)), "")
DOCUMENT = r"""\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage{booktabs}
\begin{document}
\input{table}
\end{document}
"""


@pytest.mark.skipif(not COMMAND, reason="neither pdflatex nor tectonic is installed")
def test_the_table_compiles_with_hostile_names(store: Store, tmp_path: Path) -> None:
    teacher = store.seeds("S", "scratch", [0.949, 0.951])[0]
    for i, name in enumerate(SPECIAL):
        store.seeds(f"c{i}", "scratch", [0.90 - 0.01 * i, 0.902], conv_label=name)
        store.seeds(f"c{i}", "m", [0.91, 0.912], conv_label=name, method_label=name, teacher=teacher)
    (tmp_path / "table.tex").write_text(tables.latex(build(store.plan(), "quick")))
    (tmp_path / "page.tex").write_text(DOCUMENT)
    done = subprocess.run(
        [COMMAND, *COMMANDS[COMMAND], "page.tex"], cwd=tmp_path, capture_output=True, text=True, errors="replace"
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")
