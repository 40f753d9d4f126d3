"""Whether the score that a training ends with means something.

Judged once, after the last epoch, from what its evaluation has counted: nothing is computed for it in the loop. A
network that holds NaN or infinity, or answers with it, is a failure. One that has learnt nothing is a warning.
"""

import torch

from cheapconv.engine.store.records import Result, ResultWarning
from cheapconv.engine.train.training import Diverged, Training

CHANCE_ERRORS = 3  # standard errors; with two, one in 44 networks that have learnt nothing would pass
# Mean loss of an epoch, every term weighted. Distillation terms of maps begin at up to some thousands; a training that
# is above this has left everything that its gradients could lead back to.
EXPLODED = 1e6


def require_finite(training: Training) -> None:
    """Raises Diverged where a trained network holds NaN or infinity, or has answered the test set with it."""
    flaws = training.position.curve[-1].flaws
    for trained in training.method.networks():
        held = [tensor.isfinite().all() for tensor in trained.network.state_dict().values()]
        if held and not torch.stack(held).all():  # one wait for the device
            raise Diverged(f"the weights of {trained.name} are NaN or infinite after the last epoch")
        if flaws.get(trained.name) == "not finite":
            raise Diverged(f"{trained.name} answers images of the test set with NaN or infinity after the last epoch")


def judge(training: Training, taught: Result | None) -> tuple[ResultWarning, ...]:
    """Why the score means nothing, if it does; `taught` is what the teacher's cell has ended with."""
    last, headline = training.position.curve[-1], training.task.headline
    found = []
    for name in (trained.name for trained in training.method.networks() if trained.headline):
        score = last.scores[name][headline]
        if last.flaws.get(name) == "constant":
            found.append(ResultWarning(kind="constant", text=f"{name} answers every test image with the same class"))
        elif is_chance(training, score):
            text = f"{name} has {100 * score:.2f} %, {_as_guessing(training, score)}"
            found.append(ResultWarning(kind="chance", text=text))
    if last.loss > EXPLODED:
        found.append(ResultWarning(kind="loss", text=f"the mean loss of the last epoch was {last.loss:.1e}"))
    if taught and (is_chance(training, taught.score) or any(item.kind != "teacher" for item in taught.warnings)):
        found.append(ResultWarning(kind="teacher", text="the teacher had learnt nothing"))
    return tuple(found)


def is_chance(training: Training, score: float) -> bool:
    """Whether a score on the test set cannot be told from that of guessing."""
    return score <= training.task.chance + _margin(training)


def _as_guessing(training: Training, score: float) -> str:
    """A clause on a score that is no better."""
    chance, margin = training.task.chance, _margin(training)
    than = "less than" if score < chance - margin else "as"
    spread = f" ± {100 * margin:.2f}" if margin else ""
    return f"{than} guessing has on {training.data.size('test')} images ({100 * chance:.2f}{spread} %)"


def _margin(training: Training) -> float:
    """What the test set, which is a sample, adds to the score of guessing."""
    return CHANCE_ERRORS * training.task.error(training.task.chance, training.data.size("test"))
