"""Whether another training fits."""

from cheapconv.engine.run import room
from tests.engine import tiny


def test_another_joins_as_long_as_the_largest_so_far_would_fit(monkeypatch):
    left = iter([1000, 700, 500, 401, 400])
    monkeypatch.setattr(room, "free_bytes", lambda device: next(left))
    asked = room.Room(tiny.CPU)
    # After the first, which took 300 of 1000; then 200; then 99: 401 - 300 is above the tenth that is spared, then not.
    assert [asked(members) for members in (1, 2, 3, 4)] == [True, True, True, False]


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
    (tmp_path / "meminfo").unlink()
    assert room.free_bytes(tiny.CPU) is None
