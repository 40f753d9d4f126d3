"""Texts of wide tables.

A column of pandas' own strings lies by itself in memory, columns of objects lie side by side. To take a few rows of a
table, which the questions of a report do some ten thousand times, costs by the number of such pieces.
"""

import pandas as pd


def as_objects(table: pd.DataFrame) -> pd.DataFrame:
    """The same table with its texts as Python's; what is missing stays NaN."""
    texts = [name for name, dtype in table.dtypes.items() if isinstance(dtype, pd.StringDtype)]
    return table.astype(dict.fromkeys(texts, object)).copy()
