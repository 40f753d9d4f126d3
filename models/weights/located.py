"""Where a text says that weights are: a file, or an address from which they are fetched once, as torch.hub does."""

import hashlib
import re
import shutil
import tempfile
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

import torch

from cheapconv.catalog.errors import UserError, reason, short
from cheapconv.models.weights.stored import read_weights

SECONDS = 30  # without an answer
_ADDRESS = re.compile(r"[A-Za-z][\w+.-]*://")


def located(text: str) -> Path:
    """The file; that of an address is in the cache of torch.hub, and fetched where it is not yet.

    A UserError if an address is none of http(s), or nothing usable can be fetched from it.
    """
    if not _ADDRESS.match(text):
        return Path(text)
    address = urlsplit(text)
    if address.scheme not in ("http", "https"):
        raise UserError(f"weights are fetched by http or https, not from '{short(text)}': give a file or such a URL.")
    # By the whole address: many files of different sites are called model.pth.
    name = f"{hashlib.sha256(text.encode()).hexdigest()[:16]}-{Path(address.path).name or 'weights'}"
    path = Path(torch.hub.get_dir()) / "checkpoints" / "cheapconv" / name
    if not path.is_file():
        _fetch(text, path)
    return path


def _fetch(address: str, path: Path) -> None:
    """Download, and keep what can be read as weights: an error page or half a file is neither kept nor used."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            part = Path(folder) / path.name
            with urlopen(address, timeout=SECONDS) as answer, part.open("wb") as file:
                shutil.copyfileobj(answer, file)
            read_weights(part)
            part.replace(path)
    except (OSError, HTTPException, ValueError) as error:  # no network, no such page, no weights
        said = reason(error).replace(f"{path.parent}", "...")
        raise UserError(f"no weights can be had from '{short(address)}' ({said}); give weights='FILE'.") from error
