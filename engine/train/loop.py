"""The training loop, one for all methods: from a cell's checkpoint, or from nothing, to its last epoch.

Two promises shape it. The same cell with the same seed on the CPU gives the same bits, whether it ran through or was
killed and resumed anywhere. And no step waits for the device: losses are summed there and read once an epoch.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from cheapconv.engine.store.files import write_lines
from cheapconv.engine.store.runs import CURVE
from cheapconv.engine.train import checkpoint
from cheapconv.engine.train.checkpoint import Position
from cheapconv.engine.train.evaluate import evaluate
from cheapconv.engine.train.precision import autocast
from cheapconv.methods.base import Context, Method, Phase
from cheapconv.models.structured import weight_decay_scales
from cheapconv.suites.memory import Data, batches_per_epoch, seed_of, train_batches
from cheapconv.suites.recipe import Recipe


class Diverged(Exception):
    """A loss term became NaN or infinite."""


class Stopped(Exception):
    """Training was asked to stop; its checkpoint is written."""


@dataclass(frozen=True)
class Job:
    """What a training needs beside the method."""

    recipe: Recipe
    data: Data
    seed: int
    device: torch.device
    folder: Path
    compiled: bool = False
    on_step: Callable[[Position, int], None] = lambda position, steps: None
    on_epoch: Callable[[Position], None] = lambda position: None
    should_stop: Callable[[], bool] = lambda: False


def train(method: Method, job: Job) -> Position:
    """Train to the last epoch, checkpointing after each; raises Diverged or Stopped."""
    position, optimiser = _start(method, job)
    losses = torch.compile(method.losses) if job.compiled else method.losses
    while position.epoch < job.recipe.epochs:
        if position.step == 0:
            optimiser = _enter_phase(method, job, position, optimiser)
            torch.manual_seed(seed_of("epoch", job.seed, position.epoch))  # of whatever the method draws itself
        _train_epoch(method, losses, optimiser, job, position)
        method.end_epoch(_context(job, position.epoch))
        if position.epoch + 1 == job.recipe.epochs:
            method.finish(_context(job, position.epoch))
        position.curve.append(_row(method, optimiser, job, position))
        position.epoch, position.step, position.sums, position.epoch_s = position.epoch + 1, 0, {}, 0.0
        write_lines(job.folder / CURVE, position.curve)  # first: no later epoch would make up for a missing last line
        checkpoint.save(job.folder, position, method, optimiser)
        job.on_epoch(position)
    return position


def _start(method: Method, job: Job) -> tuple[Position, torch.optim.Optimizer]:
    """Position, weights and optimiser of the checkpoint, or of a fresh start."""
    saved = checkpoint.read(job.folder)
    if saved is None:
        return Position(threads=torch.get_num_threads()), _optimiser(method, job.recipe, Phase())
    position = Position(**saved["position"])
    method.clock.phase = position.phase
    if saved["structure"] is not None:
        method.restructure(saved["structure"])
    optimiser = _optimiser(method, job.recipe, method.phases()[position.phase])
    method.load_state_dict(saved["method"])
    if position.epoch < job.recipe.epochs:  # `finish` may have left other parameters than were trained
        optimiser.load_state_dict(saved["optimiser"])
    torch.set_rng_state(saved["random"])
    if job.device.type == "cuda" and saved.get("random_cuda") is not None:
        torch.cuda.set_rng_state(saved["random_cuda"], job.device)
    return position, optimiser


def _train_epoch(method: Method, losses: Callable, optimiser: Any, job: Job, position: Position) -> None:
    """The rest of an epoch's steps; leaves the summed loss terms in `position`."""
    method.train()
    steps, samples = batches_per_epoch(job.data, job.recipe), len(job.data.train_y)
    sums: dict[str, torch.Tensor] = {k: torch.tensor(v, dtype=torch.float64) for k, v in position.sums.items()}
    sums = {k: v.to(job.device) for k, v in sums.items()}
    begun, spent = time.perf_counter(), position.epoch_s
    batches = train_batches(job.data, job.recipe, job.seed, position.epoch, position.step, method.views)
    for batch in batches:
        lr = _set_clock(method, optimiser, job.recipe, position, steps)
        for update in range(method.updates_per_batch):
            optimiser.zero_grad(set_to_none=True)
            with autocast(job.device, job.recipe.precision):
                terms = losses(batch, update)
            torch.stack([*terms.values()]).sum().backward()
            optimiser.step()
            method.after_update(lr)
            for name, term in terms.items():
                sums[name] = sums.get(name, 0) + term.detach().double() * (len(batch.y) / method.updates_per_batch)
        position.step += 1
        job.on_step(position, steps)
        if job.should_stop() and position.step < steps:
            position.sums = {name: float(total) for name, total in sums.items()}
            position.epoch_s = spent + time.perf_counter() - begun
            checkpoint.save(job.folder, position, method, optimiser)
            raise Stopped
    position.sums = {name: float(total) / samples for name, total in sums.items()}
    position.epoch_s = spent + time.perf_counter() - begun
    _check_finite(position)


def _check_finite(position: Position) -> None:
    """NaN and infinity survive a sum, so one look an epoch finds them."""
    for name, value in position.sums.items():
        if not abs(value) < float("inf"):
            raise Diverged(f"the loss term '{name}' became {value} in epoch {position.epoch}")


def _row(method: Method, optimiser: Any, job: Job, position: Position) -> dict[str, Any]:
    """The epoch's line of the curve: losses, accuracies on the test set, speed."""
    accuracy = evaluate(method, job.data, job.recipe, job.device)
    top5 = {name: a.top5 for name, a in accuracy.items() if a.top5 is not None}
    validation = {name: a.validation for name, a in accuracy.items() if a.validation is not None}
    return {
        "epoch": position.epoch,
        "lr": optimiser.param_groups[0]["lr"],
        "loss": sum(position.sums.values()),
        "terms": position.sums,
        "top1": {name: a.top1 for name, a in accuracy.items()},
        "top5": top5,
        **({"validation": validation} if validation else {}),
        "images_per_s": len(job.data.train_y) / position.epoch_s,
        "seconds": position.epoch_s,
    }


def _enter_phase(method: Method, job: Job, position: Position, optimiser: Any) -> Any:
    """The optimiser of the phase that this epoch belongs to, rebuilt where the phase is a new one."""
    phases = method.phases()
    number = _phase_of(phases, position.epoch, job.recipe.epochs)
    if number == position.phase:
        return optimiser
    position.phase = method.clock.phase = number
    begin = phases[number].begin
    if begin is not None:
        begin(_context(job, position.epoch))
    return _optimiser(method, job.recipe, phases[number])


def _bounds(phases: list[Phase], epochs: int) -> list[int]:
    """First epoch of every phase, and the number of epochs at the end. However short the training, no phase is empty:
    one that is left out would make another method; ValueError where there are fewer epochs than phases."""
    shares = [sum(p.share for p in phases[: i + 1]) for i in range(len(phases))]
    assert abs(shares[-1] - 1) < 1e-6, "shares of the phases sum to 1"
    if epochs < len(phases):
        names = ", ".join(phase.name for phase in phases)
        raise ValueError(f"a training of {epochs} epochs is too short for the phases {names}")
    bounds = [0]
    for number, share in enumerate(shares, start=1):
        latest = epochs - (len(phases) - number)
        bounds.append(min(max(round(share * epochs), bounds[-1] + 1), latest))
    return bounds


def _phase_of(phases: list[Phase], epoch: int, epochs: int) -> int:
    return max(i for i, first in enumerate(_bounds(phases, epochs)[:-1]) if first <= epoch)


def _set_clock(method: Method, optimiser: Any, recipe: Recipe, position: Position, steps: int) -> float:
    """Set every group's learning rate and the method's clock for the coming step; returns the phase's rate."""
    bounds = _bounds(method.phases(), recipe.epochs)
    first, last = bounds[position.phase], bounds[position.phase + 1]
    done = position.epoch + position.step / steps
    factor = recipe.schedule.factor(done - first, last - first)
    for group in optimiser.param_groups:
        group["lr"] = group["base_lr"] * factor
    method.clock.progress.fill_(done / recipe.epochs)
    method.clock.phase_progress.fill_((done - first) / (last - first))
    method.clock.epoch.fill_(done)
    return optimiser.param_groups[0]["lr"]


def _optimiser(method: Method, recipe: Recipe, phase: Phase) -> torch.optim.Optimizer:
    """SGD over the method's groups; a group's own numbers win over the phase's, and those over the recipe's."""
    groups = []
    scales = weight_decay_scales(method)
    for own in method.param_groups():
        lr = next(rate for rate in (own.get("lr"), phase.lr, recipe.lr) if rate is not None)  # 0 is a rate too
        decay = own.get("weight_decay", recipe.weight_decay) * own.get("weight_decay_scale", 1.0)
        for scale, params in _by_scale(own["params"], scales):
            groups.append({"params": params, "lr": lr, "base_lr": lr, "weight_decay": decay * scale})
    return torch.optim.SGD(groups, lr=recipe.lr, momentum=recipe.momentum, nesterov=recipe.nesterov, fused=True)


def _by_scale(params: Iterable[nn.Parameter], scales: Mapping[nn.Parameter, float]) -> list[tuple[float, list]]:
    """`params` by the scale of their weight decay, those without one (1) first."""
    found: dict[float, list[nn.Parameter]] = {1.0: []}
    for parameter in params:
        found.setdefault(scales.get(parameter, 1.0), []).append(parameter)
    return [(scale, members) for scale, members in found.items() if members]


def _context(job: Job, epoch: int) -> Context:
    def batches() -> Iterator[Any]:
        return train_batches(job.data, job.recipe, job.seed, epoch)

    return Context(batches, job.device, epoch)
