"""Threads of a process that computes."""

import torch

from cheapconv.engine.run.computing import settle


def test_threads_are_set_or_left():
    settle(2)
    assert torch.get_num_threads() == 2
    settle(None)
    assert torch.get_num_threads() == 2
