"""The LaTeX table is read by LaTeX itself, where there is one."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from cheapconv.reports.answers.content import build
from cheapconv.reports.formats import latex
from tests.reports.store import Store

SPECIAL = (r"a_b & 100 %", r"$x_1$ #2", r"{}~^ \textbf", r"[0.5ex] \\", "]}{[")
REPORTS = Path(latex.__file__).parents[1]
COMMANDS = {
    "pdflatex": ("-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape"),
    "tectonic": ("--untrusted", "--only-cached"),  # nothing is fetched
}
COMMAND = next((name for name in COMMANDS if shutil.which(name)), "")
DOCUMENT = r"""\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage{booktabs}
\usepackage[textwidth=5.5in]{geometry}
\begin{document}
\input{table}
\end{document}
"""


def compiled(table: str, folder: Path) -> str:
    """What LaTeX says of a page with the table."""
    (folder / "table.tex").write_text(table)
    (folder / "page.tex").write_text(DOCUMENT)
    done = subprocess.run(
        [COMMAND, *COMMANDS[COMMAND], "page.tex"], cwd=folder, capture_output=True, text=True, errors="replace"
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert (folder / "page.pdf").read_bytes().startswith(b"%PDF")
    return done.stdout + done.stderr


@pytest.mark.skipif(not COMMAND, reason="neither pdflatex nor tectonic is installed")
def test_the_table_compiles_with_hostile_names(store: Store, tmp_path: Path) -> None:
    teacher = store.seeds("S", "scratch", [0.949, 0.951])[0]
    for i, name in enumerate(SPECIAL):
        store.seeds(f"c{i}", "scratch", [0.90 - 0.01 * i, 0.902], conv_label=name)
        store.seeds(f"c{i}", "m", [0.91, 0.912], conv_label=name, method_label=name, teacher=teacher)
    compiled(latex.latex(build(store.plan(), "quick")), tmp_path)


def test_latex_is_escaped_and_complete(small: Store) -> None:
    small.add("G(4)", "my_method(a=50%, b={1})", 0, 0.5, recipe={"lr": 0.01})
    text = latex.latex(build(small.plan(), "quick"))
    body = text[text.index(r"\begin{tabular*}") :]
    assert r"my\_method(a=50\%, b=\{1\}) {[}lr=0.01{]}" in body
    assert r"\textbf{93.00 $\pm$ 0.28}" in body
    assert body.count(r"\midrule") == 2
    rows = [line for line in body.splitlines() if line.endswith(r" \\")]
    assert {line.count(" & ") for line in rows} == {rows[0].count(" & ")}


@pytest.mark.skipif(not COMMAND, reason="neither pdflatex nor tectonic is installed")
@pytest.mark.parametrize("sweep", ["cifar10-short", "methods-digits"])
def test_the_table_of_a_committed_report_fits_a_page_of_text(sweep: str, tmp_path: Path) -> None:
    table = latex.latex(build(REPORTS / sweep / "results", sweep))
    assert "Overfull" not in compiled(table, tmp_path)


def test_a_caption_says_what_all_rows_share(small: Store) -> None:
    text = latex.latex(build(small.plan(), "quick"))
    [caption] = [line for line in text.splitlines() if line.startswith(r"\caption")]
    assert "of WRN-16-2, mean $\\pm$ standard deviation over 2 seeds. Data: " in caption
    assert " & n & " not in text
    small.add("G(4)", "scratch", 2, 0.5)
    assert " & n & " in latex.latex(build(small.plan(), "quick"))


def test_a_network_is_named_once_and_architectures_above_theirs(store: Store) -> None:
    store.seeds("S", "scratch", [0.9, 0.91])
    store.seeds("S", "kd", [0.9, 0.91])
    store.seeds("S", "scratch", [0.9, 0.91], architecture="other", architecture_label="other_net")
    text = latex.latex(build(store.plan(), "quick"))
    assert re.findall(r"(?m)^(\w*) & ", text) == ["Conv", "S", "", "S"]
    assert r"{@{}l}{\emph{other\_net}} \\" in text


def test_the_two_latencies_that_most_rows_have_are_printed(store: Store) -> None:
    """Not the first one, of the row with the most seeds: three would be wider than the text."""
    store.seeds("S", "scratch", [0.9, 0.91, 0.92, 0.93, 0.94])
    store.measure("S", 1.0)
    for conv in ("G(4)", "G(N)"):
        store.seeds(conv, "scratch", [0.9, 0.91])
        for device in ("Small GPU", "Large GPU"):
            store.measure(conv, 2.0, device=device)
    text = latex.latex(build(store.plan(), "quick"))
    assert [on for on in "ABC" if f"ms on {on} &" in text or rf"ms on {on} \\" in text] == ["B", "C"]
