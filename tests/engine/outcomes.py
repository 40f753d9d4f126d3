"""What a trained cell left behind, in a form in which two runs of it can be compared bit by bit."""

import json
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cheapconv.engine.store import mistakes as store_mistakes
from cheapconv.engine.store.runs import CURVE, Store

SPEED = ("seconds", "method_s", "spent_s", "images_per_s")  # all that may differ between two runs of a cell


def weights(store: Store, key: str) -> dict[str, Tensor]:
    """Every saved tensor of every network, by `network.tensor`."""
    files = sorted((store.run(key).folder / "networks").glob("*.pt"))
    bodies = {file.stem: torch.load(file, weights_only=True)["weights"] for file in files}
    return {f"{name}.{key}": tensor for name, body in bodies.items() for key, tensor in body.items()}


def curve(store: Store, key: str) -> list[dict[str, Any]]:
    """Learning rates, losses and accuracies by epoch."""
    lines = (store.run(key).folder / CURVE).read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    return [{name: value for name, value in row.items() if name not in SPEED} for row in rows]


def mistakes(store: Store, key: str) -> dict[str, np.ndarray]:
    """By network, of the last epoch."""
    run = store.run(key)
    result = run.result()
    found = store_mistakes.read(run, result) if result else None
    assert found is not None
    return found


def assert_same(found: Store, expected: Store, key: str) -> None:
    """The cell has the same bits in both stores."""
    ours, theirs = weights(found, key), weights(expected, key)
    assert ours.keys() == theirs.keys()
    assert theirs
    different = [name for name, tensor in theirs.items() if not torch.equal(ours[name], tensor)]
    assert not different
    assert curve(found, key) == curve(expected, key)
    mistaken, others = mistakes(found, key), mistakes(expected, key)
    assert mistaken.keys() == others.keys() == curve(found, key)[-1]["scores"].keys()
    for name, one in mistaken.items():
        assert np.array_equal(one, others[name])
        assert (one == 0).mean() == curve(found, key)[-1]["scores"][name]["top1"]
