"""The loop around a training: step, checkpoint, stop. What a step is stands in engine/train/training.py."""

import time
from collections.abc import Callable

from cheapconv.engine.store.runs import Run
from cheapconv.engine.train import checkpoint
from cheapconv.engine.train.checkpoint import Position
from cheapconv.engine.train.training import Training

CHECKPOINT_MINUTES = 10  # at most so much is lost to a kill; an epoch of ImageNet is an hour


class Stopped(Exception):
    """Training was asked to stop; its checkpoint is written."""


def train(
    training: Training,
    run: Run,
    *,
    on_step: Callable[[Position, int], None] = lambda position, steps: None,
    on_epoch: Callable[[Position], None] = lambda position: None,
    should_stop: Callable[[], bool] = lambda: False,
    checkpoint_minutes: float = CHECKPOINT_MINUTES,
) -> Position:
    """Train to the last epoch, from wherever the training stands; raises Diverged or Stopped."""
    saved_at = time.monotonic()
    while not training.done:  # at once, where a checkpoint of the last epoch was killed before its result
        training.begin_epoch()  # nothing, when resumed in the middle of one
        for batch in training.batches():
            training.step(batch)
            on_step(training.position, training.steps)
            stop, due = should_stop(), time.monotonic() - saved_at > 60 * checkpoint_minutes
            if (stop or due) and not training.epoch_over:  # after the last step, the end of the epoch does it
                checkpoint.save(run.folder, training.state_dict())
                saved_at = time.monotonic()  # after writing: a slow disk must not be all that is done
                if stop:
                    raise Stopped
        training.end_epoch()
        # The curve first: no later epoch would make up for a missing last line, while one too many is written again.
        run.write_curve(training.position.curve)
        checkpoint.save(run.folder, training.state_dict())
        saved_at = time.monotonic()
        on_epoch(training.position)  # after the checkpoint: whoever is told may raise
    return training.position
