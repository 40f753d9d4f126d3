"""Whatever a file holds, reading it gives a value or a fault, and raises nothing."""

import errno
import json
import os
from dataclasses import asdict
from pathlib import Path

import pytest

from cheapconv.engine.store import documents
from cheapconv.engine.store.documents import CHECKSUM, Found, document, look
from cheapconv.engine.store.records import CurveRow, State

STATE = State(state="running", epoch=3, epochs=5)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.json"


def text() -> str:
    return json.dumps(document(asdict(STATE)))


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_a_document_is_read_in_whatever_encoding_of_unicode_it_was_saved(codec, path):
    path.write_bytes(text().encode(codec))
    assert look(path, State) == Found(STATE)


def test_what_is_not_there_is_no_fault(path):
    assert look(path, State) == Found()
    assert look(path / "below", State) == Found()


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"{", b"[]", b"nan", b"NaN", b"null", b"\xff\xfe\x00", b"\xfc", b"<html>", b'{"state": []}'),
        *(b'{"state": NaN}', b'{"epoch": ' + b"9" * 5_000 + b"}", b'{"epoch": 1e999}', b"[" * 100_000, b"\0" * 100),
        *(b'{"error": "\\ud800"}', b'{"schema": "2"}', b'{"schema": null}', text().encode()[:-9]),
    ],
)
def test_what_is_no_such_document_is_damaged_and_may_be_written_anew(content, path):
    path.write_bytes(content)
    assert look(path, State) == Found(fault="state.json is damaged")


@pytest.mark.parametrize("code", [*range(0x20), *range(0x7F, 0xA0), 0x200E, 0x2028])
def test_no_text_of_a_document_can_steer_a_terminal(code, path):
    said = f"x{chr(code)}y"
    for content in (f'{{"error": "{said}"}}', json.dumps({"error": said})):
        path.write_text(content)
        value = look(path, State).value
        assert value is None or (value.error or "").isprintable()
    assert value, "an escape is JSON, whatever it stands for"


@pytest.mark.parametrize("kind", ["folder", "dangling", "loop", "pipe", "huge"])
def test_what_is_no_file_is_damaged_and_nobody_waits_for_it(kind, path):
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "huge":
        path.touch()
        os.truncate(path, 2**40)
    else:
        path.symlink_to(path if kind == "loop" else "nowhere")
    assert look(path, State) == Found(fault="state.json is damaged")


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO, errno.ESTALE, errno.EMFILE])
def test_what_a_disk_refuses_for_the_moment_may_be_whole(number, path, monkeypatch):
    def refuse(path: Path) -> bytes:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(documents, "read_bytes", refuse)
    found = look(path, State)
    assert (found.value, found.ours) == (None, False)
    assert f"cannot be read ({os.strerror(number)})" in (found.fault or "")


def test_every_single_flipped_bit_is_noticed(path):
    whole = text().encode()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        found = look(path, State)
        assert found.value in (None, STATE), whole[place:]  # the name of the checksum is no part of what is said


def test_a_document_without_a_checksum_is_one_of_before(path):
    body = document(asdict(STATE))
    path.write_text(json.dumps(body | {"epoch": 4}))
    assert look(path, State).fault == "state.json is damaged"
    del body[CHECKSUM]
    path.write_text(json.dumps(body))
    assert look(path, State) == Found(STATE)


def test_a_key_that_is_a_number_is_the_text_that_it_comes_back_as():
    body = document({"changed": {10: (1, 2), 9: None}})
    assert body["changed"] == {"10": [1, 2], "9": None}


def test_one_damaged_line_damages_them_all(path):
    row = {"epoch": 0, "lr": 0.1, "loss": float("nan"), "terms": {}, "scores": {}, "images_per_s": 1.0, "seconds": 1.0}
    path.write_text(f"{json.dumps(row)}\n{json.dumps(row | {'epoch': 1})}\n")
    assert [each.epoch for each in look(path, list[CurveRow], lines=True).value or ()] == [0, 1]
    path.write_text(f"{json.dumps(row)}\n{json.dumps(row)[:-5]}\n")
    assert look(path, list[CurveRow], lines=True) == Found(fault="state.json is damaged")


def test_what_is_whole_is_read_once_and_again_when_somebody_has_touched_it(tmp_path, monkeypatch):
    path, reads = tmp_path / "state.json", list[Path]()
    read = documents.read_bytes
    monkeypatch.setattr(documents, "read_bytes", lambda path: reads.append(path) or read(path))
    reader = documents.Reader()
    assert reader(look, path, dict) == Found()  # absent, and looked for again
    path.write_text('{"a": 1}')
    before = len(reads)
    assert [reader(look, path, dict).value for _ in range(3)] == [{"a": 1}] * 3
    assert len(reads) == before + 1
    replaced = tmp_path / "new"
    replaced.write_text('{"a": 2}')
    replaced.replace(path)
    assert reader(look, path, dict).value == {"a": 2}
    path.write_text("{")
    assert reader(look, path, dict).fault == "state.json is damaged"
