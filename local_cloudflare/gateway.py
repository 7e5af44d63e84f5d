"""What stands in front of every API call: ray, log, latency, faults, authentication, budget.

It is plain ASGI because two of its jobs need the wire: a reset aborts the TCP connection, and a fault after
the effect runs the handler to its end and then disturbs the finished answer.
"""

import asyncio
import logging
import secrets
import socket
import struct
import time
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from local_cloudflare import auth
from local_cloudflare.account import Identity
from local_cloudflare.budget import Blocked, Budget
from local_cloudflare.envelope import ApiError, failure, no_route
from local_cloudflare.faults import Fault, Faults
from local_cloudflare.ids import now
from local_cloudflare.journal import Call, Journal

PREFIX = "/client/v4"
_TRANSPORT = "local_cloudflare.transport"
_log = logging.getLogger(__name__)


class AbortableProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol, which also hands the connection itself to the application."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {_TRANSPORT: {"transport": self.transport}}


class Gateway:
    """Wraps the API application. `latency_ms` is added to every call."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        who: Identity,
        journal: Journal,
        faults: Faults,
        budget: Budget,
        latency_ms: float,
    ) -> None:
        self._app = app
        self._who = who
        self._journal = journal
        self._faults = faults
        self._budget = budget
        self._latency_ms = latency_ms

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
        call = self._journal.begin(
            time=now(),
            method=scope["method"],
            path=scope["path"],
            query=scope["query_string"].decode("latin-1"),
            user_agent=headers.get("user-agent", ""),
            ray=f"{secrets.token_hex(8)}-LOC",
        )
        scope["state"] = {"ray": call.ray}
        try:
            await self._handle(_Exchange(scope, receive, send, call), headers)
        finally:
            call.duration_ms = round((time.perf_counter() - started) * 1000, 3)
            self._journal.end(call)

    async def _handle(self, exchange: "_Exchange", headers: dict[str, str]) -> None:
        call = exchange.call
        struck = self._faults.strike(call.method, call.path)
        if struck:
            call.fault = ",".join(f"{fault.kind}:{fault.phase}:{fault.id}" for fault in struck)
        if self._latency_ms:
            await asyncio.sleep(self._latency_ms / 1000)
        for fault in struck:
            if fault.phase == "before" and not await exchange.disturb(fault):
                return
        try:
            path = call.path.removeprefix(PREFIX)
            if path == call.path or not path.startswith("/"):
                raise no_route(call.path)
            token = auth.check(self._who, path, headers)
            if token is not None:
                exchange.extra |= self._budget.spend(token)
        except ApiError as error:
            await exchange.refuse(error)
            return
        after = [fault for fault in struck if fault.phase == "after"]
        exchange.hold = bool(after)
        try:
            await self._app(exchange.scope, exchange.receive, exchange.send)
        except Exception:
            # Starlette has already answered with envelope.unexpected; it raises on for the server to log.
            _log.exception("%s %s failed (cf-ray %s)", call.method, call.path, call.ray)
        for fault in after:
            if not await exchange.disturb(fault):
                return
        await exchange.release()


class _Exchange:
    """One request and its answer on the wire."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, call: Call) -> None:
        self.scope = scope
        self.receive = receive
        self._send = send
        self.call = call
        self.extra: dict[str, str] = {}
        self.hold = False
        self.held: list[Message] = []
        self._transport: asyncio.Transport = scope["extensions"][_TRANSPORT]["transport"]

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.call.applied = True
            self.call.status = message["status"]
            extra = {"cf-ray": self.call.ray, **self.extra}
            pairs = [(key.encode(), value.encode()) for key, value in extra.items()]
            message = {**message, "headers": [*message["headers"], *pairs]}
        if self.hold:
            self.held.append(message)
        else:
            await self._send(message)

    async def release(self) -> None:
        """Sends what was held back."""
        for message in self.held:
            await self._send(message)

    async def refuse(self, error: ApiError, body: str = "json") -> None:
        """Answers with an error, before or instead of the handler's answer."""
        applied = self.call.applied
        headers = {"retry-after": str(error.retry_after)} if isinstance(error, Blocked) else {}
        self.hold = False
        response: Any = failure(error, headers)
        if body != "json":
            response.body = f"<html><body><h1>{error.status}</h1><p>cloudflare</p></body></html>".encode()
            response.headers["content-type"] = "text/html; charset=UTF-8"
            response.headers["content-length"] = str(len(response.body))
            if body == "challenge":
                response.headers["cf-mitigated"] = "challenge"
        await response(self.scope, self.receive, self.send)
        self.call.applied = applied

    async def disturb(self, fault: Fault) -> bool:
        """Does what the fault says; returns whether the call goes on."""
        if fault.kind == "latency":
            await asyncio.sleep(fault.latency_ms / 1000)
            return True
        if fault.kind == "timeout":
            return await self._stall(fault)
        if fault.kind == "error":
            await self.refuse(ApiError(fault.status, fault.code, fault.message), fault.body)
        elif fault.kind == "rate_limit":
            await self.refuse(Blocked(fault.remaining()))
        else:
            if fault.phase == "before":
                await self._read_body()
            await self._abort()
        return False

    async def _stall(self, fault: Fault) -> bool:
        while fault.remaining() > 0 and not fault.over.is_set():
            if self._transport.is_closing():
                self.call.status = None
                return False
            await asyncio.sleep(min(0.02, fault.remaining()))
        return True

    async def _read_body(self) -> None:
        """A client that is still sending would see its own write fail, and not a lost answer."""
        while (message := await self.receive())["type"] == "http.request" and message.get("more_body"):
            pass

    async def _abort(self) -> None:
        """A real TCP reset: with SO_LINGER at zero, closing sends RST instead of FIN."""
        self.call.status = None
        sock: socket.socket = self._transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()
        # uvicorn answers 500 for an application that ends silently on a connection it still believes in.
        while (await self.receive())["type"] != "http.disconnect":
            pass
