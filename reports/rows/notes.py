"""Notes below a table: each distinct text once, with the mark that cells carry; reasons are [a], papers are [1]."""

import string
from collections.abc import Iterable

import pandas as pd

CHANGED = "the method changes the network (removes, replaces or quantises parts); sizes are those of what is deployed"
DEARER = "dearer than with standard convolutions: {}"
EMPTY = "the accuracy means nothing: {}"
SEVERAL = "every seed ends with another network; sizes, latency and throughput are means over them"
COUNTERS = "torch's own counter comes to another number of multiply-adds for this network"
OF_NETWORKS = {"changed": CHANGED, "sizes_differ": SEVERAL, "counters_differ": COUNTERS}  # by the column that says so
DOUBTED = "a doubtful timing: {}"
BUSY = "doubtful seconds: {}"
MACHINE = "trained on {}: its seconds are not comparable with those without this mark"
UNTRAINED = "not trained here: what its training has cost is not known"
UNTRAINED_TEACHER = "the weights of its teacher were not trained here: what they have cost is not known"
TEACHER = "its teacher was trained on {}: the seconds with it are not those of one machine"


OF_WEIGHTS = {"untrained": UNTRAINED, "untrained_teacher": UNTRAINED_TEACHER}


def number(rows: pd.DataFrame) -> tuple[pd.DataFrame, list[tuple[str, str]]]:
    """`rows` with the marks of conv, top-1, gap, timings, training and papers, and every note with its mark.

    Reasons come first. Notes are numbered in the order of reading: row by row, in a row from left to right.
    """
    reasons: dict[str, str] = {"": ""}  # by text; no reason, no mark
    protocols: dict[str, str] = {}
    marks = []

    def marked(texts: Iterable[str]) -> str:
        return "".join(reasons.setdefault(text, f" [{letters(len(reasons) - 1)}]") for text in texts)

    ends = [name.removeprefix("doubt") for name in map(str, rows) if name.startswith("doubt")]
    for _, row in rows.iterrows():
        of_conv = [text if row[column] else "" for column, text in OF_NETWORKS.items()]
        found: dict[str, object] = {
            "conv_marks": marked([*of_conv, DEARER.format(row["dearer"]) if row["dearer"] else ""]),
            "top1_mark": marked([EMPTY.format(row["warnings"]) if row["warnings"] else ""]),
            "gap_mark": marked([row["gap_note"]]),
        }
        for end in ends:
            for what, column in (("latency", "doubt"), ("throughput", "throughput_doubt")):
                doubt = row[f"{column}{end}"]
                found[f"{what}_marks{end}"] = marked([DOUBTED.format(doubt) if doubt else ""])
        machines = [MACHINE.format(machine) for machine in row["trained_elsewhere"]]
        teachers = [TEACHER.format(machine) for machine in row["teacher_elsewhere"]]
        busy = [BUSY.format(row["busy"])] if row["busy"] else []
        weights = [text for column, text in OF_WEIGHTS.items() if row[column]]
        found["training_marks"] = marked([*machines, *teachers, *weights, *busy])
        for paper in row["papers"]:
            protocols.setdefault(paper.protocol, f" [{len(protocols) + 1}]")
        marks.append(found | {"paper_marks": [protocols[paper.protocol] for paper in row["papers"]]})
    notes = [(mark.strip(" []"), text) for text, mark in [*reasons.items(), *protocols.items()] if text]
    return rows.join(pd.DataFrame(marks, index=rows.index)), notes


def letters(place: int) -> str:
    """0 -> a, 25 -> z, 26 -> aa."""
    if place < 26:
        return string.ascii_lowercase[place]
    return letters(place // 26 - 1) + string.ascii_lowercase[place % 26]
