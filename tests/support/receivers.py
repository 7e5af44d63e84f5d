"""Real servers on this machine that take notifications, and answer questions, well or badly."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


@dataclass
class Request:
    path: str
    headers: dict[str, str]
    body: bytes
    method: str = "POST"

    @property
    def json(self) -> Any:
        return json.loads(self.body)


# What a server does with a request, by its number from 0: a status, an answer and headers; or one of the words below.
Answer = tuple[int, Any, dict[str, str]] | str
HANG, CLOSE = "hang", "close"


@dataclass
class Receiver:
    """Answers each request as ``answer`` says, and keeps what it was asked."""

    answer: Callable[[int, Request], Answer]
    requests: list[Request] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    url: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)


def slack(number: int, request: Request) -> Answer:
    """As Slack does, with a bot's token."""
    return 200, {"ok": True, "ts": f"1700000000.{number:06}", "channel": "C1"}, {}


def accepted(number: int, request: Request) -> Answer:
    """As PagerDuty and a webhook do."""
    return 202, {"status": "success"}, {}


@contextmanager
def http(answer: Callable[[int, Request], Answer] = accepted) -> Iterator[Receiver]:
    receiver = Receiver(answer)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers_ = {k.lower(): v for k, v in self.headers.items()}
            request = Request(self.path, headers_, body, self.command)
            with receiver.lock:
                number = len(receiver.requests)
                receiver.requests.append(request)
            said = receiver.answer(number, request)
            if said == HANG:
                receiver.released.wait()
                return
            if said == CLOSE:
                # The request has arrived, and the answer breaks off.
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{")
                self.wfile.flush()
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            assert isinstance(said, tuple)
            status, content, headers = said
            data = json.dumps(content).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(data))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_PATCH = do_POST

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.released.set()
        server.shutdown()
        server.server_close()


@dataclass
class Mailbox:
    """A mail server; ``refuse`` is what it says to a recipient instead of taking it."""

    mails: list[EmailMessage] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)
    refuse: list[str] = field(default_factory=list)
    port: int = 0

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.refuse:
            return self.refuse.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 taken"


@contextmanager
def smtp(tls: ssl.SSLContext | None = None, *, login: bool = False) -> Iterator[Mailbox]:
    mailbox = Mailbox()

    def check(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        mailbox.logins.append((data.login.decode(), data.password.decode()))
        return AuthResult(success=True)

    asked: dict[str, Any] = {"authenticator": check, "auth_required": True} if login else {}
    if tls is not None:
        asked |= {"tls_context": tls, "require_starttls": True}
    free = socket.create_server(("127.0.0.1", 0))
    port = free.getsockname()[1]
    free.close()
    controller = Controller(mailbox, hostname="127.0.0.1", port=port, **asked)
    controller.start()
    mailbox.port = port
    try:
        yield mailbox
    finally:
        controller.stop()


@contextmanager
def silent() -> Iterator[int]:
    """The port of a server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@contextmanager
def nobody() -> Iterator[int]:
    """A port of this test on which nobody listens: connections are refused."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]
