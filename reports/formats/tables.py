"""The table of a report as Markdown for people and CSV for programs."""

from collections.abc import Iterable

import pandas as pd

from cheapconv.reports.answers.content import Content
from cheapconv.reports.formats import escape, fields
from cheapconv.reports.rows.columns import Column

BOLD = "Bold: the rows of a network that do not differ from its most accurate one."


def csv(content: Content) -> str:
    """One row an (architecture, conv, method, variant, deployed) in full precision, conditions repeated in every row.

    Accuracies, their deviations and gaps are fractions; sizes are in bytes; times carry their unit in the name.
    """
    table, _ = fields.table(content)
    return table.assign(**fields.conditions(content)).map(escape.csv).to_csv(index=False)


def markdown(content: Content) -> str:
    """Conditions, table, notes and failed cells as GitHub renders them."""
    shown = in_print(content)
    conditions = [f"- **{name}:** {escape.prose(text)}" for name, text in content.conditions.items()]
    remarks = [f"- {escape.prose(remark)}" for remark in content.remarks]
    head = [_pipes(column.title for column in shown), _pipes("--:" if c.is_number else ":--" for c in shown)]
    body = [
        _pipes(_bold(c, row, escape.markdown(c.text(row)), "**{}**") for c in shown)
        for _, row in content.rows.iterrows()
    ]
    notes = [f"- \\[{mark}\\] {escape.markdown(text)}" for mark, text in content.notes]
    failures = [f"- {escape.markdown(f.label)} (`{f.key}`): {escape.markdown(f.error)}" for f in content.failures]
    answers = [f"- {escape.markdown(finding.text)}" for finding in content.findings]
    cautions = [f"- {escape.markdown(text)}" for text in content.cautions]
    names = [
        f"- **{escape.markdown(label)}:** {escape.prose(text)}"
        for known in content.sweep.about.values()
        for label, text in known.items()
    ]
    sections = [
        [f"# Sweep {escape.markdown(content.sweep.name)}"],
        ["## Answers", "", *answers] if answers else [],
        ["## Read with care", "", *cautions] if cautions else [],
        ["## Conditions", "", *conditions],
        ["## Results", "", *remarks],
        [*head, *body],
        [BOLD] if content.rows["is_best"].any() else [],
        ["## Notes", "", *notes] if notes else [],
        ["## Names", "", *names] if names else [],
        ["## Failed cells", "", *failures] if failures else [],
    ]
    return "\n\n".join("\n".join(section) for section in sections if section) + "\n"


def in_print(content: Content) -> list[Column]:
    """The columns for paper: all but those that could be mistaken for a result."""
    return [column for column in content.columns if not column.page_only]


def _bold(column: Column, row: pd.Series, text: str, form: str) -> str:
    """The method and accuracy of a network's best rows stand out."""
    return form.format(text) if row["is_best"] and column.strong else text


def _pipes(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
