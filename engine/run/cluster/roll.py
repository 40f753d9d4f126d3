"""The nodes of a run: which there are, whether each is fit, how many cohorts they take."""

import logging
import time
from collections.abc import Callable
from typing import Any

from cheapconv.catalog.errors import UserError, reason
from cheapconv.engine.run.cluster import connection
from cheapconv.engine.run.cluster.connection import Needs
from cheapconv.engine.run.cluster.node import Job

LOOK_S = 2.0  # between two looks at which nodes there are
BEAT_S = 0.2  # between two looks at whether to stop, as long as nothing trains
FORGETS_S = 10.0  # at most, for nodes to remove what they have

log = logging.getLogger(__name__)


class Roll:
    """Of a cluster that is connected."""

    def __init__(self, actor: Any, job: Job, needs: Needs) -> None:
        self.alive: set[str] = set()  # ids of those that can take a cohort, fit or not
        self.refused: dict[str, str] = {}  # by id: why nothing is trained on it
        self.hands = 0  # cohorts that all others can take at once
        self._actor, self._job, self._needs = actor, job, needs
        self._nodes: dict[str, dict[str, float]] = {}  # the resources of those that live, by id
        self._looks: dict[Any, str] = {}  # ids of those that are being examined, by task
        self._known: set[str] = set()
        self._looked = 0.0

    def call(self, should_stop: Callable[[], bool]) -> None:
        """Examine every node before anything trains; a UserError says what is wrong with one."""
        self.look(now=True)
        looks = 0  # counted, for a machine may have slept meanwhile
        while self._looks and not should_stop():
            self._collect(BEAT_S)
            looks += 1
            if self.refused:
                raise UserError(next(iter(self.refused.values())))
            if self._looks and looks * BEAT_S > connection.ANSWERS_S:
                silent = next(iter(self._looks.values()))
                raise UserError(
                    f"node {silent[:8]} does not answer within {connection.ANSWERS_S:.0f} s: see `ray list nodes`."
                )
        if not self.hands:
            log.warning("no node of the cluster has what a cohort needs (%s): waiting for one that has", self._needs)

    def look(self, now: bool = False) -> None:
        """Who has come and gone; those that come late are examined while others train, and refused with a warning."""
        if now or time.monotonic() - self._looked > LOOK_S:
            self._looked = time.monotonic()
            self._nodes = connection.alive()
            takes = {node: self._needs.fit_in(resources) for node, resources in self._nodes.items()}
            self.alive = {node for node, cohorts in takes.items() if cohorts}
            self.hands = sum(cohorts for node, cohorts in takes.items() if node not in self.refused)
            for node in self.alive - self._known:
                self._known.add(node)
                self._looks[connection.examine(self._actor, self._job, node)] = node
        before = {*self.refused}
        self._collect(0.0)
        for node in self.refused.keys() - before:
            log.warning("%s nothing is trained there", self.refused[node])

    def needs(self, gpus: int) -> Needs:
        """What a cell takes that asks for so many GPUs."""
        return self._needs.of_several(gpus, self._fit())

    def has(self, needs: Needs) -> bool:
        """Whether there is a node that could take this."""
        return any(needs.fit_in(resources) for resources in self._fit())

    def _fit(self) -> list[dict[str, float]]:
        """The resources of all nodes that are not refused."""
        return [has for node, has in self._nodes.items() if node not in self.refused]

    def refuse(self, node: str, why: str) -> None:
        """Train nothing more on a node; a UserError where it was the last one, for then it is the run's own trouble."""
        if node not in self.refused:
            self.refused[node] = why
            self.look(now=True)
            if not self.alive - self.refused.keys():
                raise UserError(why)
            log.warning("%s nothing more is trained there", why)

    def dismiss(self) -> None:
        """All is brought: nodes need not keep it."""
        tasks = {connection.forget(self._job, node) for node in self.alive}
        deadline = time.monotonic() + FORGETS_S
        while tasks and time.monotonic() < deadline:
            tasks -= {*connection.ended(tasks, FORGETS_S)}

    def _collect(self, patience_s: float) -> None:
        """What was found out about nodes; one that has died meanwhile is no trouble."""
        for task in connection.ended(self._looks, patience_s) if self._looks else ():
            node = self._looks.pop(task)
            try:
                connection.answer(task)
            except UserError as error:
                self.refused[node] = str(error)
            except Exception as error:
                if node in connection.alive():
                    self.refused[node] = (
                        f"node {node[:8]} cannot run cheapconv ({reason(error)}): install there what is here."
                    )
