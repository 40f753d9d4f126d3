"""The papers' numbers beside ours: rows of `baselines/published/published.csv` that mean the same experiment.

Same dataset, network, conv, method and settings of it, and the same standard teacher. Papers give one name to several
networks (there are three of ResNet-110), so the network is that of the column of this name. The recipe is the paper's
own. Ensembles, gains in points and other metrics than the score of the sweep are left out.
"""

import dataclasses
import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

import pandas as pd

from cheapconv.catalog.errors import plural

Setting: TypeAlias = str | int | float | bool
ANY = "*"  # a setting that changes nothing in the row's experiment

PUBLISHED = Path(__file__).parents[2] / "baselines" / "published" / "published.csv"
METRICS = {"top1_accuracy": "top1", "top1_error": "top1", "miou": "miou"}  # to the score that a task calls so
LAST = "last"
SELECTIONS = {
    LAST: "last epoch",
    "best_on_test": "best epoch on test (optimistic)",
    "best_member_best_on_test": "best member at its best epoch on test (optimistic)",
    "unknown": "epoch not stated",
}


@dataclasses.dataclass(frozen=True)
class Paper:
    """One published accuracy (fractions), and what a reader has to know before comparing."""

    top1: float
    std: float | None
    protocol: str
    selection: str = "unknown"  # of the epoch, one of SELECTIONS

    @property
    def is_last(self) -> bool:
        """Whether it is that of the last epoch, as ours are: others are told apart from it everywhere."""
        return self.selection == LAST


@functools.cache
def load(path: Path = PUBLISHED) -> pd.DataFrame:
    """Published scores with columns as in the file and `score`, `top1` and `teacher`, "" for none.

    `score` is its name, `top1` the score itself, a fraction, whatever its name.

    `settings` is a dict, None where no settings of ours are those of the row.
    """
    table = pd.read_csv(path, dtype={"std": float, "runs": float, "settings": str}).fillna({"note": "", "settings": ""})
    table = table.assign(score=table["metric"].map(METRICS)).dropna(subset="score")
    excluded = table["table"].str.contains("ensemble") | table["note"].str.contains("ensemble|GAIN")
    table = table[~excluded]
    is_error = table["metric"] == "top1_error"
    percent = table["value"].where(~is_error, 100 - table["value"])
    teacher = table["note"].str.extract(r"(?:^|; )teacher=([^;(]+)", expand=False).str.strip().fillna("")
    return table.assign(top1=(percent / 100).round(6), teacher=teacher, settings=table["settings"].map(settings))


def settings(text: str) -> dict[str, Setting] | None:
    """Settings that differ from their defaults, from "branches=4;form=code"; "" is none of them, "-" none of ours.

    "scale_taps=*" is a setting that may have any value.
    """
    if text == "-":
        return None
    meant: dict[str, Setting] = {}
    for pair in filter(None, text.split(";")):
        name, value = pair.split("=", 1)
        try:
            meant[name] = json.loads(value)  # a number, or `true`
        except json.JSONDecodeError:
            meant[name] = value  # a word
    return meant


def agree(published: Mapping[str, Setting] | None, ours: Mapping[str, object]) -> bool:
    """Whether a row's settings are those of a cell, as far as these differ from their defaults."""
    if published is None:
        return False
    free = {name for name, value in published.items() if value == ANY}
    fixed, own = ({k: v for k, v in given.items() if k not in free} for given in (published, ours))
    return fixed == own


def attach(rows: pd.DataFrame) -> pd.DataFrame:
    """`rows` of `stats.summarise` with the columns `papers`, lists of Paper, `paper_top1`, of the first of the last
    epoch, and `paper_other_top1`, of the first of another rule."""
    papers = [match(row) for _, row in rows.iterrows()]
    first = {
        name: [next((paper.top1 for paper in found if paper.is_last is last), None) for found in papers]
        for name, last in (("paper_top1", True), ("paper_other_top1", False))
    }
    found = {name: pd.Series(numbers, dtype=float) for name, numbers in first.items()}
    return rows.assign(papers=pd.Series(papers, dtype=object), **found)


def match(row: pd.Series, path: Path = PUBLISHED) -> list[Paper]:
    """Published numbers of the same experiment as `row` of `stats.summarise`, most often none."""
    papers = []
    for _, published in same_experiment(row, path).iterrows():
        facts = [SELECTIONS.get(published["selection"], published["selection"]), runs(published), published["note"]]
        std = None if pd.isna(published["std"]) else round(published["std"] / 100, 6)
        protocol = f"{short_name(published['source'])}, {published['table']}: {'; '.join(filter(None, facts))}"
        papers.append(Paper(published["top1"], std, protocol, str(published["selection"])))
    return papers


def same_experiment(row: pd.Series, path: Path = PUBLISHED) -> pd.DataFrame:
    """The rows of `load` that mean the same experiment as `row`.

    They are of networks as trained, in float32: never of one that is deployed in another precision.
    """
    names = (row["suite_label"], row["method_name"], row.get("score", "top1"), row["architecture"], row["conv"])
    table = by_names(path).get(tuple(str(name).replace(" ", "") for name in names))
    if row.get("deployed") or table is None:
        return load(path).iloc[:0]
    same = table["settings"].map(lambda published: agree(published, row["method_config"]))
    if not row["is_baseline"]:  # a network trained alone may name the teacher that other rows of its table had
        same &= table["teacher"].isin(["", row["teacher"]]) & (row["teacher"] == "" or row["teacher_is_standard"])
    return table[same]


@functools.cache
def by_names(path: Path) -> dict[tuple[str, ...], pd.DataFrame]:
    """The rows of `load` by data set, method, score, network and conv, each without spaces."""
    table = load(path)
    names = [table[name].str.replace(" ", "") for name in ("dataset", "method", "score", "network", "conv")]
    return {tuple(map(str, key)): group for key, group in table.groupby(names, sort=False)}


def short_name(source: str) -> str:
    """`Moonshine` of `Moonshine (Crowley et al., NeurIPS 2018; ...)`."""
    return source.split(" (")[0]


def runs(published: pd.Series) -> str:
    """`3 runs`, `runs not stated`."""
    number = published["runs"]
    return "runs not stated" if pd.isna(number) else plural(round(number), "run")
