"""Kinds of training, by which a picture with more methods than colours tells them apart."""

import pandas as pd

ALONE, TAUGHT, TOGETHER, OTHER = "alone", "by a frozen teacher", "students together", "alone, otherwise"
KINDS = (ALONE, TAUGHT, TOGETHER, OTHER)  # in the order of a legend


def kind(row: pd.Series) -> str:
    """What a row of `stats.summarise` was trained with, by its cells' records, whatever its method is called."""
    if row["is_baseline"]:
        return ALONE
    if row["teacher"]:
        return TAUGHT
    return TOGETHER if (row["students"] or 0) > 1 else OTHER
