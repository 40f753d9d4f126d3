"""One cell's training as an object, one for all methods: the loop around it is engine/train/cohort.py.

Two promises shape it. The same cell with the same seed on the CPU gives the same bits, whether it ran through, was
killed and resumed anywhere, or shares its process with other trainings. And no step waits for the device: losses are
summed there and read once an epoch.
"""

import contextlib
import functools
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace

import torch
from torch import Tensor
from torch.optim import Optimizer

from cheapconv.engine.store.records import CurveRow
from cheapconv.engine.train import ranks
from cheapconv.engine.train.bill import Bill, Item
from cheapconv.engine.train.captured import Capture, Captured
from cheapconv.engine.train.checkpoint import VERSION, Position, State
from cheapconv.engine.train.evaluate import Evaluation, Examination, Mistakes
from cheapconv.engine.train.learner import Learner, require_divisible
from cheapconv.engine.train.optimiser import make_optimiser, place_rates, set_rates
from cheapconv.engine.train.phases import Stretch, stretches
from cheapconv.methods.base import Context, Method
from cheapconv.suites.base import Batch, Data, Split
from cheapconv.suites.place import Place, Randomness, seed_of
from cheapconv.suites.recipe import Recipe
from cheapconv.suites.task import Task

HANDS = ("progress", "phase_progress", "epoch", "lr")  # of the clock


class Diverged(Exception):
    """A loss term, or a trained network, became NaN or infinite."""


class Training:
    """A method on its way through the epochs of a recipe.

    An epoch is `begin_epoch()`, a `step` for every batch, `learnt()`, an `answer` to every test batch where the epoch
    is `examined`, and `end_epoch()`; `done` says that it was the last. After a step and between two epochs
    `state_dict()` is everything that the rest depends on. Whoever makes the batches has the time that it takes put on
    the `bill`.
    """

    def __init__(
        self,
        method: Method,
        data: Data,
        recipe: Recipe,
        task: Task,
        *,
        seed: int,
        place: Place,
        randomness: Randomness | None = None,  # as the method's constructor left it, if it drew any
        compile_method: bool = False,
        capture: Capture | None = None,
    ) -> None:
        require_divisible(method, data, recipe, task, place)
        self.method, self.data, self.recipe, self.task, self.seed, self.place = method, data, recipe, task, seed, place
        self.position, self.bill = Position(threads=place.threads), Bill(place.device)
        # Of an epoch, the last one on a partial batch. What is not trained has an epoch of none, which ends in a score.
        self.steps = data.steps(recipe) if method.trains else 0
        self.optimiser: Optimizer | None = None  # from the first phase on
        self._randomness = randomness or Randomness(place.device, seed_of("method", seed))
        self._stretch: Stretch | None = None
        self._shared_out = False  # whether other processes know of the phase's parameters
        self._sums: dict[str, Tensor] = {}  # float64, 0-d, on the device
        self.mistakes: Mistakes = {}  # of the epoch that was examined last
        self._examination: Examination | None = None
        self._learner = Learner(method, recipe, place, compile_method)
        self._captured = Captured(method, place.device, capture) if capture else None
        # What a GPU computes with lies there already; and a recorded step could not be told of another number.
        self._rates_on = place.device if capture or place.device.type == "cuda" else None

    @property
    def done(self) -> bool:
        """Whether the last epoch has ended."""
        return self.position.epoch == self.recipe.epochs

    @property
    def settled(self) -> bool:
        """Whether it has all the memory that its steps will take."""
        return self._captured is None or self._captured.settled

    @property
    def epoch_over(self) -> bool:
        """Whether this epoch has taken all of its steps."""
        return self.position.step == self.steps

    def begin_epoch(self) -> None:
        """Enter the phase that begins with this epoch, if one does. Nothing is left to do in the middle of an epoch."""
        if self.position.step == 0:
            if self._stretch is None or self._stretch.end == self.position.epoch:
                self._enter_phase(self.position.phase + 1)
                self._shared_out = False
            # What the method draws depends on the seed and epoch alone, not on what was drawn before.
            self._randomness.seed(seed_of("epoch", self.seed, self.position.epoch))
        self.method.train()  # whatever `begin` or a restored network left behind
        if not self._shared_out:
            self._learner.begin_phase()
            self._shared_out = True
        if self._captured:
            self._captured.begin_epoch(self.optimiser)

    def step(self, batch: Batch) -> None:
        """Learn from one batch."""
        assert self.optimiser is not None, "begin_epoch comes first"
        share, learn = len(batch.y) / self.method.updates_per_batch, functools.partial(self._learner, self.optimiser)
        with self._computing("epoch_steps_s"):
            self._set_clock()  # before the step is counted: schedules begin at 0
            updates = self._captured.step(learn, batch) if self._captured else learn(batch)
            for name, term in (named for terms in updates for named in terms.items()):
                # In float64 and by samples: the last batch is a partial one. Not read here, that would wait.
                self._sums[name] = self._sums.get(name, 0) + term.double() * share
            self.position.step += 1

    def learnt(self) -> None:
        """The method's own work at the end of an epoch."""
        context = self._context()
        self._settle()
        with self._computing("epoch_method_s"):
            self.method.end_epoch(context)
            if self.position.epoch + 1 == self.recipe.epochs:
                self.method.finish(context)  # before the evaluation: what is deployed is what is scored
            ranks.level(self.place, self.method)
        self._settle()

    @property
    def examined(self) -> bool:
        """Whether this epoch is scored."""
        return self.recipe.evaluates(self.position.epoch)

    def answer(self, split: Split, x: Tensor, y: Tensor) -> None:
        """Be scored on a batch. That is on nobody's bill: it serves the report, not the training."""
        with self.place.in_use(self._randomness):
            if self._examination is None:
                self._examination = self._begin_examination()
            self._examination.answer(split, x, y)

    def end_epoch(self) -> None:
        """A row of the curve."""
        self.position.curve.append(self._row())
        self.position.next_epoch()
        self._sums = {}

    def _row(self) -> CurveRow:
        """The epoch's line of the curve."""
        assert self.optimiser is not None, "an epoch that ends has begun"
        found = Evaluation({"test": {}}, {}, {})
        if self.examined:
            if self._examination is None:  # its share of the samples is none
                self._examination = self._begin_examination()
            found = self._examination.end()
            self.mistakes = found.mistakes
            self._examination = None
        position, samples = self.position, self.data.samples
        terms = {name: total / samples for name, total in position.sums.items()}
        return CurveRow(
            epoch=position.epoch,
            lr=self.optimiser.param_groups[0]["base_lr"] * self._factor(self.steps - 1) if self.steps else 0.0,
            loss=sum(terms.values()),
            terms=terms,
            scores=found.scores["test"],
            validation=found.scores.get("validation", {}),
            flaws=found.flaws,
            images_per_s=samples / position.epoch_steps_s if self.steps else 0.0,
            seconds=position.epoch_steps_s,
            method_s=position.epoch_method_s,
            spent_s=position.epoch_spent_s,
        )

    def _begin_examination(self) -> Examination:
        return Examination(self.method, self.recipe, self.task, self.place)

    def state_dict(self) -> State:
        """Everything that the rest of the training depends on."""
        assert self.optimiser is not None, "before the first phase there is nothing to save"
        self._settle()
        return {
            "version": VERSION,
            "position": asdict(self.position),  # with the curve: the file of it may be ahead by an epoch
            "structure": self.method.structure(),
            "method": self.method.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            # The hands stay where the last step has put them, and a `begin` may read them before the next step.
            "clock": {hand: getattr(self.method.clock, hand) for hand in HANDS},
            "randomness": self._randomness.state_dict(),
            "mistakes": self.mistakes,  # after the last epoch nothing is examined any more
        }

    def load_state_dict(self, state: State) -> None:
        """Go on from there; the method is a freshly built one."""
        self.position = Position.of(state["position"])
        self.method.clock.phase = self.position.phase  # first: structure and groups may depend on it
        if state["structure"] is not None:
            self.method.restructure(state["structure"])
        optimiser = self._take_phase(self.position.phase)  # after it: its groups are those of the new structure
        self.method.load_state_dict(state["method"])
        if not self.done:  # `finish` may have left other parameters than were trained
            optimiser.load_state_dict(state["optimiser"])
            place_rates(optimiser, self._rates_on)
        for hand in HANDS:
            getattr(self.method.clock, hand).copy_(state["clock"][hand])
        self._sums = {  # read as float64 and put back as float64: the same bits
            name: torch.tensor(total * (self.place.rank == 0), dtype=torch.float64, device=self.place.device)
            for name, total in self.position.sums.items()  # those of all processes, which one of them brings
        }
        self._randomness.load_state_dict(state["randomness"])
        self.mistakes = state.get("mistakes", {})  # a checkpoint of before has none

    def _enter_phase(self, number: int) -> None:
        """Let the phase begin, which may change the structure, and only then make its optimiser."""
        self.position.phase = self.method.clock.phase = number  # first, since `begin` and `phases` may look
        begin = stretches(self.method.phases(), self.recipe.epochs)[number].phase.begin
        if begin is not None:
            with self._computing("epoch_method_s"):
                begin(self._context())
                ranks.level(self.place, self.method)
        self._take_phase(number)

    def _take_phase(self, number: int) -> Optimizer:
        """A new optimiser, without momentum, and the epochs between which the schedule is played."""
        self._stretch = stretches(self.method.phases(), self.recipe.epochs)[number]
        self.optimiser = make_optimiser(self.method, self.recipe, self._stretch.phase)
        place_rates(self.optimiser, self._rates_on)
        return self.optimiser

    def _set_clock(self) -> None:
        """Set every group's learning rate, and the method's clock, for the coming step."""
        assert self._stretch is not None, "begin_epoch comes first"
        assert self.optimiser is not None
        done = self._done(self.position.step)
        in_phase = done - self._stretch.first
        lr = set_rates(self.optimiser, self._factor(self.position.step))
        hands = (done / self.recipe.epochs, in_phase / self._stretch.epochs, done, lr)
        for hand, value in zip(HANDS, hands, strict=True):
            getattr(self.method.clock, hand).fill_(value)  # filled and not replaced: compiled code keeps the tensor

    def _done(self, step: int) -> float:
        """Epochs before a step of this one, with a fraction."""
        return self.position.epoch + step / self.steps

    def _factor(self, step: int) -> float:
        """The schedule's in a step of this epoch."""
        assert self._stretch is not None, "begin_epoch comes first"
        # Once a phase, not once a training: a student that was cut learns again from a high rate.
        return self.recipe.schedule.factor(self._done(step) - self._stretch.first, self._stretch.epochs)

    def _context(self) -> Context:
        """What the method's hooks may use: this epoch's batches, whole and drawn anew at each call."""
        epoch = self.position.epoch  # now: a hook may keep the function
        data = self.data.at(replace(self.place, rank=0, world=1)) if self.place.world > 1 else self.data
        return Context(lambda: data.train(self.recipe, self.seed, epoch), self.place.device, epoch)

    def _settle(self) -> None:
        """Wait for the steps that are under way, and read what they cost and the sums of their losses.

        Raises Diverged: at every checkpoint, so that an epoch of an hour is not trained to its end with NaN.
        """
        self.place.synchronise()
        for item, seconds in self.bill.settle().items():
            if self.steps:  # else not a second of training, whatever the clock says
                # Of one device: a second of several is as many.
                setattr(self.position, item, getattr(self.position, item) + seconds * self.place.world)
        if self._sums:  # one read for all terms
            totals = ranks.summed(self.place, torch.stack([*self._sums.values()]).tolist())
            self.position.sums = dict(zip(self._sums, totals, strict=True))
        if self.recipe.ghost_batches is not None:
            ranks.average_statistics(self.place, self.method)
        # NaN and infinity survive a sum, so one look finds them.
        if odd := {name: value for name, value in self.position.sums.items() if not math.isfinite(value)}:
            raise Diverged(_divergence(odd, self.position.epoch))

    @contextlib.contextmanager
    def _computing(self, item: Item) -> Iterator[None]:
        """The process is this training's, and pays for it: threads and random numbers are its own."""
        with self.place.in_use(self._randomness), self.bill.timed(item):
            yield


def _divergence(odd: Mapping[str, float], epoch: int) -> str:
    """Which terms became what."""
    (name, value), *others = odd.items()
    if not others:
        return f"the loss term '{name}' became {value} in epoch {epoch}"
    terms = " and ".join(f"'{each}'" for each in odd)
    return (
        f"the loss terms {terms} became {value} in epoch {epoch}, as all do once the weights have: a lower learning "
        "rate may train it, or the gradient of one is no number, as that of a root at 0"
    )
