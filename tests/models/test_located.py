"""Weights behind a URL: fetched once, from http alone, and kept only if they are weights."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch

from cheapconv.catalog.errors import UserError
from cheapconv.models.weights.located import located
from cheapconv.models.weights.stored import read_weights


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder, without a word."""

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, str]]:
    """A folder that is served, and its address."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "site"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_it_is_fetched_once(site: tuple[Path, str]) -> None:
    folder, address = site
    torch.save({"a.weight": torch.ones(2)}, folder / "net.pt")
    path = located(f"{address}/net.pt?v=1")
    assert torch.equal(read_weights(path)["a.weight"], torch.ones(2))
    (folder / "net.pt").unlink()
    assert located(f"{address}/net.pt?v=1") == path
    with pytest.raises(UserError):
        located(f"{address}/net.pt?v=2")  # another address, another file


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", "half"])
def test_what_is_no_weights_is_refused_and_not_kept(site: tuple[Path, str], content: bytes | str) -> None:
    folder, address = site
    torch.save({"a.weight": torch.ones(2)}, folder / "net.pt")
    whole = (folder / "net.pt").read_bytes()
    (folder / "net.pt").write_bytes(content if isinstance(content, bytes) else whole[: len(whole) // 2])
    for _ in range(2):
        with pytest.raises(UserError, match=r"no weights can be had from 'http://127.*; give weights='FILE'"):
            located(f"{address}/net.pt")
    (folder / "net.pt").write_bytes(whole)
    assert read_weights(located(f"{address}/net.pt"))


def test_without_a_server_and_by_another_scheme_it_is_a_sentence(site: tuple[Path, str]) -> None:
    with pytest.raises(UserError, match=r"no weights can be had from .http://127\.0\.0\.1:1/net\.pt"):
        located("http://127.0.0.1:1/net.pt")
    with pytest.raises(UserError, match=r"fetched by http or https, not from .ftp://a/net\.pt"):
        located("ftp://a/net.pt")
    assert located("C:/net.pt") == Path("C:/net.pt")
