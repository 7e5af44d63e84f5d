"""An application on loopback that answers as the sample's Workers do, well or in one of the ways that flows are for."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml
from websockets.sync.server import ServerConnection, serve

from tests.support.environment import ROOT

FLOWS: dict[str, Any] = yaml.safe_load((ROOT / "examples/must-be-viral/flows.yml").read_text())
"""The sample's own; :attr:`Shop.values` are the addresses that they need."""

Reply = tuple[int, Any]


@dataclass
class Shop:
    """``fault`` names what is wrong with it; ``strike`` may disturb a request, by its number from 0."""

    fault: str = ""
    strike: Callable[[int], str] = lambda number: ""
    accounts: dict[str, str] = field(default_factory=dict)
    sessions: dict[str, str] = field(default_factory=dict)
    items: dict[str, Any] = field(default_factory=dict)
    charges: dict[str, Any] = field(default_factory=dict)
    rooms: dict[str, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    values: dict[str, str] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def owed(self) -> int:
        """Charges that nobody gave back."""
        return sum(charge["status"] == "succeeded" for charge in self.charges.values())

    def answer(self, method: str, target: str, headers: Any, body: Any) -> Reply:
        parts = urlsplit(target)
        path = parts.path.removeprefix("/api/auth").removeprefix("/api/content")
        first, _, rest = path.lstrip("/").partition("/")
        key = headers.get("Idempotency-Key") or ""
        if self.fault == "down":
            return 500, {"error": "down"}
        if first in ("register", "login", "account"):
            return self._account(first, body)
        if first == "me":
            return self._me(headers.get("Authorization") or "")
        if first == "items":
            return self._item(method, rest, body)
        if first == "ws" and method == "DELETE":
            self.rooms.pop(rest, None)
            return 204, None
        if path == "/api/payments/failed":
            since = parse_qs(parts.query)["since"][0]
            return 200, {"failed": int(self.fault == "payments-fail" and bool(since))}
        if path == "/api/payments/charges":
            return self._charge(key, body)
        return self._refund(path.split("/")[4], key)

    def _account(self, what: str, body: dict[str, str]) -> Reply:
        email, password = body["email"], body["password"]
        self.seen |= {password}
        if what == "register":
            if self.fault == "no-register":
                return 503, {}
            self.accounts[email] = password
            return 201, {"email": email}
        if self.accounts.get(email) != password:
            return (404 if what == "account" else 401), {"error": "wrong"}
        if what == "account":
            del self.accounts[email]
            return 204, None
        token = secrets.token_hex(16)
        self.seen |= {token}
        self.sessions[token] = email
        return 200, {"status": "welcome"} if self.fault == "login-body" else {"token": token}

    def _me(self, authorization: str) -> Reply:
        token = authorization.removeprefix("Bearer ")
        email = self.sessions.get(token[:32] if self.fault == "forged" else token)
        return (200, {"email": email}) if email in self.accounts else (401, {"error": "no valid session"})

    def _item(self, method: str, id_: str, body: Any) -> Reply:
        if method == "POST":
            id_ = secrets.token_hex(4)
            self.items[id_] = {"id": id_, **body}
            return 201, {"id": id_}
        was = self.items.get(id_)
        if method == "PUT":
            if not (self.fault == "no-update" and was):
                self.items[id_] = {"id": id_, **body}
            return (200 if was else 201), {"id": id_, **body}
        if was is None:
            return 404, {"error": "not found"}
        if method == "DELETE":
            if self.fault != "no-delete":
                del self.items[id_]
            return 204, None
        return 200, was

    def _charge(self, key: str, body: dict[str, Any]) -> Reply:
        if self.fault == "charged-twice":
            key += secrets.token_hex(4)
        new = key not in self.charges
        amount = body["amount"] - (100 if self.fault == "wrong-amount" else 0)
        charge = self.charges.setdefault(key, {"id": key[-12:], "amount": amount, "status": "succeeded"})
        return (201 if new else 200), charge

    def _refund(self, id_: str, key: str) -> Reply:
        charge = next(charge for charge in self.charges.values() if charge["id"] == id_)
        new = charge.get("key") != key
        if new or self.fault == "refunded-twice":
            charge |= {"status": "refunded", "refunded": f"at {time.time_ns()}", "key": key}
        return (201 if new else 200), charge

    def room(self, connection: ServerConnection) -> None:
        name = connection.request.path.split("/")[-1] if connection.request else ""
        for message in connection:
            if self.fault == "drops":
                connection.close(1011)
                return
            with self.lock:
                self.rooms[name] = self.rooms.get(name, 0) + 1
                told = {"room": name, "count": self.rooms[name], "echo": message}
            connection.send(json.dumps(told | ({"echo": "?"} if self.fault == "no-echo" else {})))


@contextmanager
def open_shop(fault: str = "") -> Iterator[Shop]:
    """It is open inside the block."""
    shop = Shop(fault)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except OSError:
                self.close_connection = True

        def _serve(self) -> None:
            text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            with shop.lock:
                number = len(shop.asked)
                shop.asked.append(f"{self.command} {self.path}")
                strike = shop.strike(number)
                status, answer = 500, None
                if strike != "refuse":
                    status, answer = shop.answer(
                        self.command, self.path, self.headers, json.loads(text) if text else None
                    )
            if strike == "hang":
                time.sleep(60)
            if strike == "drop":
                self.close_connection = True
                return
            body = b"" if answer is None else json.dumps(answer).encode()
            self.send_response(500 if strike else status)
            if status != 204 or strike:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_DELETE = _serve

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Handler) as server, serve(shop.room, "127.0.0.1", 0) as sockets:
        address = f"http://127.0.0.1:{server.server_address[1]}"
        shop.values = dict.fromkeys(("auth", "content", "api", "rooms"), address)
        shop.values["ws"] = f"ws://127.0.0.1:{sockets.socket.getsockname()[1]}"
        threads = [
            threading.Thread(target=server.serve_forever, args=(0.05,)),
            threading.Thread(target=sockets.serve_forever),
        ]
        for thread in threads:
            thread.start()
        try:
            yield shop
        finally:
            server.shutdown()
            sockets.shutdown()
            for thread in threads:
                thread.join()
