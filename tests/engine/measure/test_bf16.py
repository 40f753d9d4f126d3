"""What bf16 costs a CPU: a ratio of the quickest of several rounds, taken in turn."""

import torch

from cheapconv.engine.measure import bf16


def test_the_quickest_rounds_are_divided(monkeypatch):
    asked = []
    seconds = {torch.float32: iter([9.0, 2.0, 3.0]), torch.bfloat16: iter([10.0, 20.0, 30.0])}

    def timed(conv, x, dtype):
        asked.append(dtype)
        return next(seconds[dtype])

    monkeypatch.setattr(bf16, "_seconds", timed)
    assert bf16.slowdown() == 5.0
    assert asked == [torch.float32, torch.bfloat16] * bf16.ROUNDS  # in turn, so that another load meets both


def test_both_precisions_are_really_computed(monkeypatch):
    dtypes = []
    conv = torch.nn.Conv2d.forward
    monkeypatch.setattr(torch.nn.Conv2d, "forward", lambda self, x: dtypes.append(conv(self, x).dtype) or conv(self, x))
    assert bf16.slowdown() > 0
    assert dtypes == [torch.float32, torch.bfloat16] * bf16.ROUNDS
