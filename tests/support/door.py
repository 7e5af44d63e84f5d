"""A door in front of a PostgreSQL server that stops at a statement, so that things can happen just then."""

from __future__ import annotations

import re
import socket
import socketserver
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit, urlunsplit

BEFORE, AFTER = "before", "after"


@dataclass
class _Stop:
    """Where one connection is to be held: the last of ``statements``, when it comes after the others."""

    statements: tuple[str, ...]
    phase: str
    reached: threading.Event = field(default_factory=threading.Event)


class Door:
    """``port`` leads to the server at ``to``. A held statement goes on only by the end of either side."""

    def __init__(self, to: tuple[str, int]) -> None:
        self.to = to
        self._stop: _Stop | None = None
        door = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                door._serve(self.request)

        class Listener(socketserver.ThreadingTCPServer):
            daemon_threads = True
            block_on_close = False

        self._listener = Listener(("127.0.0.1", 0), Handler)
        self.port = int(self._listener.server_address[1])

    def leading(self, dsn: str) -> str:
        """The connection string with this door's port, in clear text so that statements can be read."""
        parts = urlsplit(dsn)
        who = parts.netloc.rpartition("@")[0]
        return urlunsplit(
            parts._replace(netloc=f"{who}@127.0.0.1:{self.port}", query="sslmode=disable&gssencmode=disable")
        )

    @contextmanager
    def held(self, *statements: str, phase: str = BEFORE) -> Iterator[threading.Event]:
        """Stop a connection at a statement (a regular expression) that comes after the others given.

        ``before`` it reaches the server, or ``after`` it took effect, with the answer held back. The event
        says that it is so.
        """
        self._stop = _Stop(statements, phase)
        try:
            yield self._stop.reached
        finally:
            self._stop = None

    def open(self) -> None:
        self._listener.serve_forever(poll_interval=0.05)

    def close(self) -> None:
        self._listener.shutdown()
        self._listener.server_close()

    def _serve(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(self.to)
        except OSError:
            return
        muted = threading.Event()
        answers = threading.Thread(target=self._answers, args=(server, client, muted), daemon=True)
        answers.start()
        with suppress(OSError):
            self._statements(client, server, muted)
        # What the server is told by this is what the end of a client tells it.
        _shut(client, server)
        answers.join()
        client.close()
        server.close()

    def _statements(self, client: socket.socket, server: socket.socket, muted: threading.Event) -> None:
        # The first message has no type.
        server.sendall(_exactly(client, _length(head := _exactly(client, 4)), head))
        seen = 0
        while True:
            head = _exactly(client, 5)
            message = _exactly(client, 1 + _length(head[1:]), head)
            stop = self._stop
            if stop is not None and head[:1] == b"Q" and not stop.reached.is_set():
                if re.search(stop.statements[min(seen, len(stop.statements) - 1)].encode(), message):
                    seen += 1
                if seen == len(stop.statements):
                    if stop.phase == BEFORE:
                        stop.reached.set()
                        client.recv(1)
                        return
                    muted.set()
            server.sendall(message)

    def _answers(self, server: socket.socket, client: socket.socket, muted: threading.Event) -> None:
        with suppress(OSError):
            while answer := server.recv(1 << 16):
                if muted.is_set():
                    if self._stop is not None:
                        self._stop.reached.set()
                    continue
                client.sendall(answer)
        _shut(client, server)


@contextmanager
def door(to: tuple[str, int]) -> Iterator[Door]:
    """A door that is open inside the block."""
    made = Door(to)
    threading.Thread(target=made.open, daemon=True).start()
    try:
        yield made
    finally:
        made.close()


def _length(head: bytes) -> int:
    return int(struct.unpack("!I", head)[0])


def _exactly(source: socket.socket, length: int, begun: bytes = b"") -> bytes:
    while len(begun) < length:
        more = source.recv(length - len(begun))
        if not more:
            raise ConnectionError
        begun += more
    return begun


def _shut(*sockets: Any) -> None:
    for each in sockets:
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
