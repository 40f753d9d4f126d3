"""Preparing a suite's data: part by part, each whole or not there, so that what was killed goes on where it stopped."""

from pathlib import Path

import typer

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.engine.store.files import read_bytes, read_json, sha256, write_all, write_bytes
from cheapconv.suites.base import Part


def prepare(name: str, data: Path, side: int, out: Path) -> None:
    """Resize the images of a suite once, into a folder that it can be read from."""
    catalog.load()
    preparation = catalog.parse("suite", name).prepare(data, side)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{out} cannot be made ({error.strerror}): name another folder with --out.") from error
    parts = preparation.parts
    for number, part in enumerate(parts, 1):
        kept = is_done(out, part)
        if not kept:
            write_all({out / file: body for file, body in part.make().items()})
        typer.echo(f"[{number}/{len(parts)}] {part.done.removesuffix('.json')}: {'kept' if kept else 'made'}")
    file, body = preparation.finish([read_bytes(out / part.done) for part in parts])
    write_bytes(out / file, body)
    typer.echo(f"{out} is complete")


def is_done(out: Path, part: Part) -> bool:
    """Whether the files of a part are there, and are what they were when it was made."""
    body = read_json(out / part.done)
    if not isinstance(body, dict) or not {"tar", "sha256"} <= body.keys():
        return False
    tar = out / str(body["tar"])
    return tar.is_file() and sha256(tar) == body["sha256"]
