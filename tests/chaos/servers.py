"""Tracking servers that are ill, each in its own way, on 127.0.0.1."""

import contextlib
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from random import Random

Answer = Callable[[socket.socket, threading.Event], None]


def _reply(status: str, body: bytes, kind: str = "application/json") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


def _saying(reply: bytes) -> Answer:
    def answer(client: socket.socket, closing: threading.Event) -> None:
        client.recv(65536)
        client.sendall(reply)

    return answer


def _silent(client: socket.socket, closing: threading.Event) -> None:
    closing.wait()


def _slow(client: socket.socket, closing: threading.Event) -> None:
    client.recv(65536)
    for byte in _reply("200 OK", b"{}"):
        if closing.wait(0.5):
            return
        client.sendall(bytes([byte]))


ANSWERS: dict[str, Answer] = {
    "hangs": _silent,
    "drips": _slow,
    "closes": lambda client, closing: None,
    "500": _saying(_reply("500 Internal Server Error", b"{}")),
    "503": _saying(_reply("503 Service Unavailable", b"busy", "text/plain")),
    "401": _saying(_reply("401 Unauthorized", b'{"error_code": "UNAUTHENTICATED"}')),
    "404": _saying(_reply("404 Not Found", b"<html>no such page</html>", "text/html")),
    "empty object": _saying(_reply("200 OK", b"{}")),
    "no JSON": _saying(_reply("200 OK", b"\xff\xfe\x00", "text/html")),
    "no HTTP": _saying(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "cut": _saying(_reply("200 OK", b'{"experiment": {"experiment_id": "1"')[:-8]),
    "redirects": _saying(b"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
}


@contextlib.contextmanager
def ill(chance: Random) -> Iterator[tuple[str, str]]:
    """(what ails it, its URI): one of `ANSWERS`, or a port where nobody listens, or one of them after a while."""
    name = chance.choice(["refuses", *ANSWERS])
    if name == "refuses":
        yield name, "http://127.0.0.1:9"
        return
    closing = threading.Event()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError):
                ANSWERS[name](self.request, closing)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield name, f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            closing.set()
            server.shutdown()
