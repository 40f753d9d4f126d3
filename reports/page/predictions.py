"""What networks answer, where answers are pictures: those of the best student and of the worst, as the page shows them.

A training has left the picture in its run folder (engine/run/picture.py): rows of image, truth and answer.
"""

import base64
from dataclasses import dataclass

from cheapconv.engine.store import pictures
from cheapconv.reports.rows.collect import Collected, Record
from cheapconv.reports.rows.columns import percent

LARGEST = 500_000  # bytes of a picture that the page takes


@dataclass(frozen=True)
class Shown:
    """A picture with its caption; `uri` holds its bytes."""

    caption: str
    uri: str


def predictions(sweep: Collected) -> list[Shown]:
    """The best student and the worst by the score of the sweep; nothing where trainings leave no pictures."""
    teachers = {record.cell.teacher for record in sweep.records}
    students = [record for record in sweep.done if record.key not in teachers] or sweep.done
    ranked = sorted(students, key=lambda record: record.result.score if record.result else 0.0)
    ends = dict.fromkeys((("best", ranked[-1].key), ("worst", ranked[0].key)))
    found = [_shown(which, next(r for r in ranked if r.key == key), sweep) for which, key in ends]
    return [shown for shown in found if shown]


def _shown(which: str, record: Record, sweep: Collected) -> Shown | None:
    png, cell = pictures.read(record.run), record.cell
    if png is None or len(png) > LARGEST or record.result is None:
        return None
    network = f"{cell.architecture_label} {cell.conv_label} {cell.method_label}, seed {cell.seed}"
    caption = f"The {which} student, {network}: {sweep.score.text} {percent(record.result.score)} %"
    return Shown(caption, f"data:image/png;base64,{base64.b64encode(png).decode()}")
