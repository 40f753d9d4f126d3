"""Notes below a table: each distinct text once, with the mark that cells carry; reasons are [a], papers are [1]."""

import string

import pandas as pd

CHANGED = "the method changes the network (removes, replaces or quantises parts); sizes are those of what is deployed"
SEVERAL = "every seed ends with another network; sizes, latency and throughput are means over them"


def number(rows: pd.DataFrame) -> tuple[pd.DataFrame, list[tuple[str, str]]]:
    """`rows` with `conv_marks`, `gap_mark` and `paper_marks`, and every note with its mark, reasons first.

    Notes are numbered in the order of reading: row by row, in a row from left to right.
    """
    reasons: dict[str, str] = {"": ""}  # by text; no reason, no mark
    protocols: dict[str, str] = {}
    marks = []
    for _, row in rows.iterrows():
        said = CHANGED if row["changed"] else "", SEVERAL if row["sizes_differ"] else "", row["gap_note"]
        for text in said:
            reasons.setdefault(text, f" [{_letters(len(reasons) - 1)}]")
        for paper in row["papers"]:
            protocols.setdefault(paper.protocol, f" [{len(protocols) + 1}]")
        changed, several, gap = (reasons[text] for text in said)
        of_papers = [protocols[paper.protocol] for paper in row["papers"]]
        marks.append({"conv_marks": changed + several, "gap_mark": gap, "paper_marks": of_papers})
    notes = [(mark.strip(" []"), text) for text, mark in [*reasons.items(), *protocols.items()] if text]
    return rows.join(pd.DataFrame(marks, index=rows.index)), notes


def _letters(place: int) -> str:
    """0 -> a, 25 -> z, 26 -> aa."""
    if place < 26:
        return string.ascii_lowercase[place]
    return _letters(place // 26 - 1) + string.ascii_lowercase[place % 26]
