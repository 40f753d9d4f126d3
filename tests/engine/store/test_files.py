"""Files that are whole or not there."""

import errno
import json
import os
from pathlib import Path

import pytest

from cheapconv.engine.store import files as files_module
from cheapconv.engine.store import process
from cheapconv.engine.store.files import (
    ASIDE,
    TEMPORARY,
    leftovers,
    make_folder,
    read_json,
    replacing,
    write_all,
    write_bytes,
    write_json,
    write_lines,
)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# Files


def test_a_file_is_whole_or_not_there(tmp_path):
    path = tmp_path / "file"
    with replacing(path) as temporary:
        temporary.write_bytes(b"half")
        assert temporary.parent == path.parent  # the same disk, or a rename would be a copy
        assert temporary.name.startswith(TEMPORARY)
        assert not path.exists()
        temporary.write_bytes(b"whole")
    assert path.read_bytes() == b"whole"
    assert files(path.parent) == ["file"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, OSError])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(error, tmp_path):
    path = tmp_path / "file"
    write_bytes(path, b"old")

    def fail(temporary: Path) -> None:
        temporary.write_bytes(b"new")
        raise error

    with pytest.raises(error), replacing(path) as temporary:
        fail(temporary)
    assert path.read_bytes() == b"old"
    assert files(tmp_path) == ["file"]


def test_several_files_are_replaced_together(tmp_path):
    write_all({tmp_path / "a": b"1", tmp_path / "deep" / "b": b"2"})
    write_all({tmp_path / "a": b"3"})
    assert [(tmp_path / name).read_bytes() for name in ("a", "deep/b")] == [b"3", b"2"]
    assert files(tmp_path) == ["a", "deep"]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_none_of_several_files_is_replaced_if_one_cannot_be(place, tmp_path):
    paths = [tmp_path / name for name in "abc"]
    for path in paths:
        path.write_bytes(b"old")
    paths[place].unlink()
    paths[place].mkdir()
    with pytest.raises(OSError, match="is a folder"):
        write_all(dict.fromkeys(paths, b"new"))
    assert [path.read_bytes() for path in paths if path.is_file()] == [b"old", b"old"]
    assert files(tmp_path) == ["a", "b", "c"]


def test_a_write_that_cannot_be_made_durable_changes_nothing(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_bytes(path, b"old")

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files_module.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_bytes(path, b"new")
    assert path.read_bytes() == b"old"
    assert files(tmp_path) == ["file"]


def test_everything_is_synced_before_it_gets_its_name(tmp_path, monkeypatch):
    """After a power cut the name must not stand for an empty file."""
    path, sizes, sync = tmp_path / "file", [], os.fsync

    def look(handle: int) -> None:
        sizes.append((os.fstat(handle).st_size, path.exists()))
        sync(handle)

    monkeypatch.setattr(files_module.os, "fsync", look)
    write_bytes(path, b"12345")
    assert sizes == [(5, False)]


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_others_may_read_what_the_umask_lets_them(umask, mode, tmp_path):
    before = os.umask(umask)
    try:
        write_bytes(tmp_path / "file", b"")
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == mode


def test_json_and_lines_come_back(tmp_path):
    write_json(tmp_path / "a.json", {"x": [1, None, 0.1]})
    assert read_json(tmp_path / "a.json") == {"x": [1, None, 0.1]}
    write_lines(tmp_path / "b.jsonl", [{"epoch": 0}, {"epoch": 1}])
    assert [json.loads(line) for line in (tmp_path / "b.jsonl").read_text().splitlines()] == [
        {"epoch": 0},
        {"epoch": 1},
    ]
    write_lines(tmp_path / "b.jsonl", [])
    assert (tmp_path / "b.jsonl").read_text() == ""


def test_a_missing_or_damaged_document_is_none(tmp_path):
    (tmp_path / "half.json").write_text('{"state": ')
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe")
    for name in ("missing.json", "half.json", "bytes.json", "half.json/below"):
        assert read_json(tmp_path / name) is None


def test_a_temporary_file_is_left_to_its_writer_as_long_as_that_lives(tmp_path):
    with replacing(tmp_path / "file") as temporary:
        os.utime(temporary, (0, 0))  # however long it takes
        assert leftovers([temporary]) == []


def test_a_temporary_file_of_a_dead_process_is_nobodys(tmp_path):
    where, pid, birth = process.own_name().split(".")
    dead = tmp_path / f"{TEMPORARY}state.json-{where}.{pid}.{int(birth) - 1}-ab_cd"
    dead.write_text("half")
    assert leftovers([dead], 600.0) == [dead]  # however young it is


def test_a_temporary_file_of_another_machine_is_nobodys_after_a_while(tmp_path):
    other = tmp_path / f"{TEMPORARY}state.json-00000000.1.1-ab_cd"
    other.write_text("half")
    assert leftovers([other]) == []
    os.utime(other, (0, 0))
    assert leftovers([other]) == [other]


# What stands in the way


def test_a_folder_in_a_files_place_is_put_aside_with_all_that_is_in_it(tmp_path):
    (tmp_path / "a.json").mkdir()
    (tmp_path / "a.json" / "mine").write_text("keep this")
    write_json(tmp_path / "a.json", 1)
    assert read_json(tmp_path / "a.json") == 1
    [aside] = tmp_path.glob(f"{ASIDE}a.json-*")
    assert (aside / "mine").read_text() == "keep this"


def test_a_file_in_a_folders_place_is_put_aside(tmp_path):
    (tmp_path / "networks").write_text("mine")
    make_folder(tmp_path / "networks")
    make_folder(tmp_path / "networks")
    assert [path.read_text() for path in tmp_path.glob(f"{ASIDE}*")] == ["mine"]


def test_a_link_is_replaced_and_what_it_leads_to_stays(tmp_path):
    (tmp_path / "target").write_text("mine")
    (tmp_path / "a.json").symlink_to("target")
    write_json(tmp_path / "a.json", 1)
    assert ((tmp_path / "target").read_text(), (tmp_path / "a.json").is_symlink()) == ("mine", False)


def test_a_folder_that_is_gone_is_not_made_by_writing_into_it(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_bytes(tmp_path / "gone" / "file", b"")
    assert files(tmp_path) == []
