"""The sweep that faults befall: a teacher, its student and two online students on noise, a second or two in all, and
what its networks must be whatever happens."""

import importlib
import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.engine.store import networks
from cheapconv.engine.store.runs import Store
from tests.chaos.child import HANG_S, Outcome, call
from tests.engine import outcomes, tiny

REGISTRY = """\
sweeps:
  small:
    description: A teacher, its student, and two who learn from each other.
    suite: tiny
    recipe: short
    epochs: 2
    entries:
      - {name: teacher, architecture: WRN-10-1, conv: standard, method: scratch, seeds: [5]}
      - {architecture: WRN-10-1, conv: "G(2)", method: {kd: {teacher: teacher}}}
      - {architecture: WRN-10-1, conv: "G(4)", method: {od: {students: 2}}}
"""
RUN = ("run", "small", "--device", "cpu", "--threads", "1")
QUIET = (*RUN, "--mlflow", "none")
HEAL = (*QUIET, "--retry", "failed")
BAD_WORDS = re.compile(r"Traceback \(most recent call last\)|^\w+Error: |Fatal Python error", re.MULTILINE)
SLOW = (
    "cheapconv.engine.run.planning",
    "cheapconv.engine.run.session",
    "cheapconv.engine.run.show",
    "cheapconv.reports.page.page",
    "torch.fx",
    "ptflops",
)


class World:
    """One folder for every trial, each compared with a run that nothing befell."""

    def __init__(self, home: Path) -> None:
        torch.set_num_threads(1)
        os.environ["CHEAPCONV_CACHE"] = str(home / "cache")
        tiny.register()
        patch = pytest.MonkeyPatch()
        tiny.skip_timing(patch)
        patch.setattr(catalog, "plugins", lambda: ("tests.plugin",))  # for workers, which register by themselves
        for module in SLOW:
            importlib.import_module(module)  # once, instead of in every process
        self.home, self.count = home, 0
        self.reference = self.folder()
        ended = call(self.reference, *QUIET, patience_s=300)
        assert ended.code == 0, ended.said
        self.patience_s = HANG_S + 5 * ended.seconds
        self.keys = [
            cell["key"] for cell in json.loads((self.reference / "runs/sweeps/small.json").read_text())["cells"]
        ]
        store = Store(self.reference / "runs")
        self.bits = {key: self.saved(store, key) for key in self.keys}
        self.scores = {key: store.run(key).result().scores for key in self.keys}

    def folder(self, finished: bool = False) -> Path:
        """A new folder with the registry, and with the finished store if so wished."""
        self.count += 1
        made = self.home / f"trial-{self.count}"
        made.mkdir(parents=True)
        (made / "registry.yaml").write_text(REGISTRY)
        if finished:
            shutil.copytree(self.reference / "runs", made / "runs")
        return made

    def healed(self, folder: Path, damaged: bool = False) -> list[str]:
        """What is wrong after one more run that nothing befalls: a cell that is not done, or has other bits.

        Of what was `damaged` after it was done, a result stays if it is whole, and its networks may be lost.
        """
        ended = call(folder, *HEAL, patience_s=self.patience_s)
        if damaged and ended.code == 1 and self.asked_for_its_teacher(folder):
            shutil.rmtree(folder / "runs" / self.keys[0])  # as a student's error says: nobody else may decide it
            ended = call(folder, *HEAL, patience_s=self.patience_s)
        found = complaints("the run after it", ended, codes=(0,))
        if found:
            return found
        if self.states(folder) != ["done"] * len(self.keys):
            return [f"lost: after the run after it cells are {self.states(folder)}: {ended.said}"]
        store = Store(folder / "runs")
        for key in self.keys:
            if (result := store.run(key).result()) is None or result.scores != self.scores[key]:
                found.append(f"wrong: {key} has other scores")
            bits = self.saved(store, key, damaged)
            if bits.keys() != self.bits[key].keys() and not damaged:
                found.append(f"lost: {key} has no networks {sorted(self.bits[key].keys() - bits.keys())}")
            other = [name for name, tensor in bits.items() if not torch.equal(tensor, self.bits[key][name])]
            found += [f"wrong: {key} has other bits in {other}"] if other else []
        return found

    def asked_for_its_teacher(self, folder: Path) -> bool:
        """Whether a student says that its teacher's network is damaged, and what to do."""
        errors = [path.read_text() for path in (folder / "runs").glob("*/error.txt")]
        return any("To train the teacher again, remove its folder." in error for error in errors)

    def saved(self, store: Store, key: str, damaged: bool = False) -> Mapping[str, Tensor]:
        """Every tensor of every network of a cell; of one that was `damaged` those that the store vouches for."""
        try:
            for network in store.run(key).result().networks if damaged else ():
                networks.load(store, key, network.name)
            return outcomes.weights(store, key)
        except UserError:
            return {}

    def states(self, folder: Path) -> list[str]:
        """The cells' states, as the store says."""
        store = Store(folder / "runs")
        return [store.run(key).state().state for key in self.keys]


def complaints(what: str, ended: Outcome, codes: tuple[int, ...]) -> list[str]:
    """What no process may do, whatever befalls it."""
    found = [f"hang: {what} took more than {ended.seconds:.0f} s"] if ended.hung else []
    if BAD_WORDS.search(ended.said):
        found.append(f"traceback: {what} said {ended.said}")
    if not ended.hung and ended.code not in codes:
        found.append(f"code: {what} ended with {ended.code} and {ended.said}")
    return found
