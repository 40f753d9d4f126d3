"""Whether another training fits."""

from typing import Any

import pytest
import torch

from cheapconv.engine.run import room
from cheapconv.engine.train.graph import recorder_on
from tests.engine import tiny


def test_another_joins_as_long_as_the_largest_so_far_would_fit(monkeypatch):
    left = iter([1000, 700, 500, 401, 400])
    monkeypatch.setattr(room, "free_bytes", lambda device: next(left))
    asked = room.Room(tiny.CPU)
    # After the first, which took 300 of 1000; then 200; then 99: 401 - 300 is above the tenth that is spared, then not.
    assert [asked(members) for members in (1, 2, 3, 4)] == [True, True, True, False]


def test_room_is_kept_for_those_that_still_grow(monkeypatch):
    left = iter([1000, 700, 700, 700])  # the first took 300 of 1000, of the others nothing is seen yet
    monkeypatch.setattr(room, "free_bytes", lambda device: next(left))
    asked = room.Room(tiny.CPU)
    assert [asked(1, 0), asked(2, 1), asked(3, 1)] == [True, False, False]


def test_what_recorded_steps_keep_to_themselves_is_not_free(monkeypatch):
    def segment(total: int, allocated: int, pool: tuple[int, int] = (0, 0), device: int = 0) -> dict[str, Any]:
        sizes = {"total_size": total, "allocated_size": allocated}
        return sizes | {"segment_pool_id": pool, "device": device}

    segments = [segment(50, 20), segment(400, 0, pool=(0, 1)), segment(8, 8), segment(70, 0, device=1)]
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (1000, 2000))
    monkeypatch.setattr(torch.cuda, "memory_snapshot", lambda include_traces: segments)
    assert room.free_bytes(torch.device("cuda", 0)) == 1030


@pytest.mark.gpu
def test_so_it_is_of_a_real_one():
    device, mib = torch.device("cuda", 0), 2**20
    x = torch.ones(64 * mib, device=device)  # of four bytes
    before = room.free_bytes(device)
    total, _ = recorder_on(device).record(lambda: (x * 2 + 1).sum())
    after = room.free_bytes(device)
    assert before is not None
    assert after is not None
    assert before - after >= 256 * mib
    del total


def test_memory_of_those_that_have_left_is_given_back_before_it_is_counted(monkeypatch):
    left, given_back = iter([1000, 700, 400, 700]), []
    monkeypatch.setattr(room, "free_bytes", lambda device: next(left))
    monkeypatch.setattr(room.heap, "give_back", lambda: given_back.append(True))
    asked = room.Room(tiny.CPU)
    assert [asked(members) for members in (1, 2)] == [True, False]
    assert len(given_back) == 1  # of those before the first
    assert asked(1)
    assert len(given_back) == 2


def test_a_number_decides_alone_where_one_was_given(monkeypatch):
    monkeypatch.setattr(room, "free_bytes", lambda device: 0)
    assert [room.Room(tiny.CPU, limit=2)(members) for members in (1, 2)] == [True, False]


def test_memory_is_the_machines_or_less_in_a_container(monkeypatch, tmp_path):
    (tmp_path / "meminfo").write_text("MemTotal: 100 kB\nMemAvailable:   64 kB\n")
    monkeypatch.setattr(room, "MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(room, "CGROUP", tmp_path)
    assert room.free_bytes(tiny.CPU) == 64 * 1024
    (tmp_path / "memory.max").write_text("max\n")
    assert room.free_bytes(tiny.CPU) == 64 * 1024
    (tmp_path / "memory.max").write_text("5000\n")
    (tmp_path / "memory.current").write_text("3000\n")
    assert room.free_bytes(tiny.CPU) == 2000
    (tmp_path / "memory.stat").write_text("anon 2500\ninactive_file 400\nactive_file 100\n")
    assert room.free_bytes(tiny.CPU) == 2400  # files that were read make room by themselves
    (tmp_path / "meminfo").unlink()
    assert room.free_bytes(tiny.CPU) is None
