"""Whether two trainings of a cell came to the same bits.

What a training has made decides: every score and loss of its result and its curve, and what the files of its networks
hold, tensor by tensor. When, where and how fast it was made does not, nor do sizes and warnings, which another release
may count or word in another way, nor the bytes of a network's file: another torch packs the same tensors otherwise. A
network that one of the two stores no longer has is not compared; its scores and its losses in every epoch are.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor

from cheapconv.engine.store.archive import DamagedError, unpacked
from cheapconv.engine.store.records import CurveRow, Result
from cheapconv.engine.store.runs import NETWORKS, Run


def finished(run: Run) -> Result:
    """The result of a cell that has one."""
    result = run.result()
    assert result is not None, "it is finished"
    return result


def same_bits(one: Run, other: Run) -> bool:
    """Whether two finished trainings of a cell made the same."""
    ours, theirs = finished(one), finished(other)
    curves = one.curve(), other.curve()
    if ours.covers(curves[0]) and theirs.covers(curves[1]) and _losses(curves[0]) != _losses(curves[1]):
        return False
    if _scores(ours) != _scores(theirs):
        return False
    names = [f"{NETWORKS}/{student.name}.pt" for student in ours.students]
    return all(_same_file(one.folder / name, other.folder / name, (ours, theirs), name) for name in names)


def _same_file(one: Path, other: Path, results: tuple[Result, Result], name: str) -> bool:
    noted = [result.files.get(name) for result in results]
    if noted[0] is not None and noted[0] == noted[1]:
        return True
    try:
        return same_content(unpacked(one, noted[0]), unpacked(other, noted[1]))
    except DamagedError:  # or no longer there: the numbers have decided
        return True


def same_content(one: object, other: object) -> bool:
    """Whether two things of a torch archive are the same, bit by bit."""
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        alike = one.dtype == other.dtype and one.shape == other.shape
        return alike and torch.equal(_bytes(one), _bytes(other))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same_content(value, other[key]) for key, value in one.items())
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same_content, one, other))
    return type(one) is type(other) and one == other


def _bytes(tensor: Tensor) -> Tensor:
    """Its bytes: 0.0 equals -0.0, and no NaN itself, but a copy has the bits of what it was copied from."""
    return tensor.contiguous().reshape(-1).view(torch.uint8)


def _scores(result: Result) -> str:
    networks = [[n.name, n.role, n.headline, n.scores, n.best, n.best_epoch] for n in result.networks]
    chosen = result.by_validation and asdict(result.by_validation)
    whole = [result.epochs, result.test_samples, result.headline, result.scores, result.best, result.best_epoch]
    return _text([*whole, chosen, networks])


def _losses(curve: Sequence[CurveRow]) -> str:
    return _text([[row.epoch, row.loss, row.terms, row.scores, row.validation] for row in curve])


def _text(numbers: object) -> str:
    """Equal for equal numbers, NaN included, to the last bit."""
    return json.dumps(numbers, sort_keys=True)
