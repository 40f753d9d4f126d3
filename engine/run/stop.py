"""Asking a run to stop: Ctrl-C, SIGTERM, a closed terminal or a time budget. Training looks here after every step."""

import signal
import time
from types import FrameType, TracebackType
from typing import Any, Self

from cheapconv.engine.run.interrupt import heard


class StopRequest:
    """Context manager that turns the first signal into a request; a second one interrupts at once."""

    def __init__(self, budget_s: float | None = None) -> None:
        self._deadline = None if budget_s is None else time.monotonic() + budget_s
        self._before: dict[int, Any] = {}
        self.signalled = False

    def __enter__(self) -> Self:
        for number in heard():
            self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def __call__(self) -> bool:
        """True once a stop was asked for."""
        return self.signalled or (self._deadline is not None and time.monotonic() > self._deadline)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.signalled:
            raise KeyboardInterrupt
        self.signalled = True
