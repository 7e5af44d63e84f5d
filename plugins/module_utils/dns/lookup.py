"""One question to one DNS server: what it says of a name, and for how long that may be remembered."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype

__all__ = ["Said", "address_of", "ask", "authority_of"]

_PORT = 53
_TRIES = 2


@dataclass(frozen=True)
class Said:
    """``values`` are of the type ``kind``: that of the question, or CNAME where the name is an alias.

    ``ttl`` in seconds. ``problem`` says why there is no answer; then all else is empty. An answer that the name
    has no such record has no values.
    """

    server: str
    kind: str = ""
    values: frozenset[str] = frozenset()
    ttl: int = 0
    problem: str = ""


def ask(server: str, name: str, kind: str, *, timeout: float = 2.0) -> Said:
    """Ask over UDP, over TCP where the answer is too long, and once more where nothing comes. Raises nothing."""
    question = dns.message.make_query(name, kind)
    wire, problem = question.to_wire(), ""
    for _ in range(_TRIES):
        try:
            answer = _udp(server, wire, question, timeout)
            if answer.flags & dns.flags.TC:
                answer = _tcp(server, wire, timeout)
        except TimeoutError:
            problem = f"no answer within {timeout:g} s"
        except (OSError, dns.exception.DNSException) as error:
            problem = (
                (error.strerror if isinstance(error, OSError) else "") or str(error) or type(error).__name__
            )
        else:
            return _said(server, answer, name, kind)
    return Said(server, problem=problem)


def authority_of(zone: str, resolvers: Sequence[str]) -> list[str]:
    """The addresses of the zone's name servers, as the first resolver that answers knows them; empty if none does."""
    for resolver in resolvers:
        found = ask(resolver, zone, "NS")
        addresses = [
            address
            for server in sorted(found.values)
            for address in sorted(ask(resolver, server, "A").values)[:1]
        ]
        if addresses:
            return addresses
    return []


def address_of(server: str) -> tuple[str, int]:
    """``192.0.2.1``, ``192.0.2.1:5300``, ``2001:db8::1`` or ``[2001:db8::1]:5300``, taken apart. Raises ValueError."""
    host, port = server, str(_PORT)
    if server.startswith("["):
        host, _, rest = server[1:].partition("]")
        port = rest.removeprefix(":") or port
    elif server.count(":") == 1:
        host, _, port = server.partition(":")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.inet_pton(family, host)
    except OSError:
        raise ValueError(f"{server} is no address") from None
    return host, int(port)


def _udp(server: str, wire: bytes, question: dns.message.Message, timeout: float) -> dns.message.Message:
    host, port = address_of(server)
    deadline = time.monotonic() + timeout
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as own:
        # A connected socket takes nothing from anybody else, and hears that nobody listens.
        own.connect((host, port))
        own.send(wire)
        while True:
            own.settimeout(max(0.001, deadline - time.monotonic()))
            answer = dns.message.from_wire(own.recv(65535), ignore_trailing=True)
            # A late answer to an earlier question is not ours.
            if question.is_response(answer):
                return answer


def _tcp(server: str, wire: bytes, timeout: float) -> dns.message.Message:
    with socket.create_connection(address_of(server), timeout) as own:
        own.settimeout(timeout)
        own.sendall(len(wire).to_bytes(2, "big") + wire)
        with own.makefile("rb") as stream:
            return dns.message.from_wire(stream.read(int.from_bytes(stream.read(2), "big")))


def _said(server: str, answer: dns.message.Message, name: str, kind: str) -> Said:
    code = answer.rcode()
    if code not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        return Said(server, problem=f"it answers {dns.rcode.to_text(code)}")
    asked = dns.name.from_text(name)
    for wanted in (kind, "CNAME"):
        for rrset in answer.answer:
            if rrset.name == asked and dns.rdatatype.to_text(rrset.rdtype) == wanted:
                values = frozenset(_text(wanted, data.to_text()) for data in rrset)
                return Said(server, wanted, values, rrset.ttl)
    return Said(server, kind)


def _text(kind: str, text: str) -> str:
    if kind in ("CNAME", "MX", "NS"):
        return text.lower().rstrip(".")
    # The pieces of a long text are one text.
    return (
        "".join(text[1:-1].split('" "')).replace('\\"', '"').replace("\\\\", "\\") if kind == "TXT" else text
    )
