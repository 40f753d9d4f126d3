"""Choosing cells of a plan by a pattern, `wrn*/group*/kd/0`: architecture, conv, method and seed.

Shell wildcards (`*`, `?`, `[...]`); parts that are left out match everything; spaces do not count. A part means the
canonical text or the papers' notation, which may hold a slash inside its parentheses: `*/G(N/8)/kd`.
"""

import dataclasses
import fnmatch

from cheapconv import catalog
from cheapconv.catalog.errors import UserError, short
from cheapconv.engine.plan.plan import Plan
from cheapconv.engine.store.cell import Cell

_PARTS = ("architecture", "conv", "method", "seed")
FORM = "/".join(_PARTS)


def matches(pattern: str, cell: Cell) -> bool:
    """Whether `cell` is one of those that `pattern` means."""
    spellings: list[set[str]] = [
        {cell.architecture, cell.architecture_label},
        {cell.conv, cell.conv_label},
        {cell.method, cell.method_label},
        {str(cell.seed)},
    ]
    given = zip(_split(pattern), _PARTS, spellings, strict=False)
    return all(_means(part, kind, texts) for part, kind, texts in given)


def select(plan: Plan, pattern: str) -> Plan:
    """The plan reduced to the cells that `pattern` means and the teachers they need, in the plan's order."""
    wanted = {planned.cell.key for planned in plan.cells if matches(pattern, planned.cell)}
    if not wanted:
        known = {kind: sorted({str(getattr(p.cell, kind)) for p in plan.cells}) for kind in _PARTS}
        inventory = "; ".join(f"{kind} {', '.join(values)}" for kind, values in known.items())
        raise UserError(
            f"no cell of sweep '{plan.sweep}' matches '{short(pattern)}', read as {FORM}; there are {inventory}."
        )
    for planned in reversed(plan.cells):  # students come after their teachers
        if planned.cell.key in wanted:
            wanted.update(planned.needs)
    return dataclasses.replace(plan, cells=tuple(p for p in plan.cells if p.cell.key in wanted))


def _split(pattern: str) -> list[str]:
    """The parts between the slashes that stand outside parentheses."""
    parts, depth = [""], 0
    for character in pattern.replace(" ", ""):
        depth = max(depth + (character == "(") - (character == ")"), 0)  # `wrn*2)` closes what a star has opened
        if character == "/" and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    if len(parts) > len(_PARTS):
        raise UserError(f"pattern '{short(pattern)}' has {len(parts)} parts; write at most {'/'.join(_PARTS)}.")
    return parts


def _means(part: str, kind: str, spellings: set[str]) -> bool:
    """Whether a part of a pattern is, or matches, one of a cell's spellings; an empty part is a star.

    A part without wildcards means what it means in the registry, whichever of its aliases it is.
    """
    texts = {text.replace(" ", "") for text in spellings}
    if not part or any(fnmatch.fnmatchcase(text, part) for text in texts):
        return True
    if kind not in ("architecture", "conv"):
        return False
    try:
        return catalog.canonical(catalog.parse(kind, part)).replace(" ", "") in texts
    except UserError:
        return False
