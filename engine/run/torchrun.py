"""Processes that `torchrun` has started side by side: the first leads, and beside each of the others a new one trains
every cell that it is told to."""

import contextlib
import itertools
import os
import signal
import time
from collections.abc import Iterator
from types import FrameType
from typing import TYPE_CHECKING

from cheapconv.catalog.errors import UserError

if TYPE_CHECKING:
    from cheapconv.engine.run.team import Team
    from cheapconv.suites.place import Place


@contextlib.contextmanager
def team() -> Iterator["Team | None"]:
    """The team that this process leads within it; None where it is alone. One that follows does so here, and ends."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or "RANK" not in os.environ:
        yield None
        return
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # DDP warns of every method that uses all parameters
    import torch  # which takes seconds

    from cheapconv.engine.run import team as teams
    from cheapconv.suites.place import Place

    if os.environ.get("LOCAL_WORLD_SIZE") == os.environ["WORLD_SIZE"]:
        teams.stay_here()
    rank, world, gpus = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]), torch.cuda.device_count()
    if 0 < gpus < int(os.environ.get("LOCAL_WORLD_SIZE", "1")):
        raise UserError(f"there are {gpus} GPUs for more processes: give torchrun --nproc-per-node {gpus}.")
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0"))) if gpus else torch.device("cpu")
    place = Place(device, torch.get_num_threads(), rank, world)
    if rank:
        follow(place)
        raise SystemExit(0)
    led = teams.Team(teams.rendezvous(), place)
    try:
        yield led
    finally:
        led.dismiss()


def follow(place: "Place") -> None:
    """Have a process beside this one for every order, until there is none. Signals are for the one that leads, which
    ends in order; if it does not say so within a while of one, this process ends by itself."""
    from cheapconv.engine.run import team as teams

    asked: list[float] = []

    def note(number: int, frame: FrameType | None) -> None:
        asked.append(time.monotonic())

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, note)
    channel = teams.rendezvous()
    with contextlib.suppress(RuntimeError):  # the store is gone: so is the one that leads
        for order in itertools.count():
            while not channel.check([f"order {order}"]):
                if asked and time.monotonic() > asked[0] + teams.HOME_S:
                    return
                time.sleep(teams.LOOK_S)
            if channel.get(f"order {order}").decode() == teams.written(None):
                return
            beside = teams.follower(None, order, place)
            try:
                while beside.is_alive() and not channel.check([f"over {order}"]):
                    beside.join(teams.LOOK_S)
            finally:
                teams.end(beside)
