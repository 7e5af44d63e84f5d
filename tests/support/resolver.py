"""A caching resolver of a test's own, which keeps to the TTL of what it was told: the source of stale DNS."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.query
import dns.rdatatype
import dns.rrset

Question = tuple[str, str]


@dataclass
class Resolver:
    """Asks ``upstream`` (``host:port``) once, and answers from its cache until the TTL is over.

    ``pass_time`` makes the cache older; ``mute`` makes it answer nothing; ``keeps`` is the least TTL that it
    keeps an answer for, as resolvers do that overrule the zone.
    """

    upstream: str
    keeps: float = 0
    mute: bool = False
    asked: int = 0
    address: str = ""
    _later: float = 0
    _cache: dict[Question, tuple[float, dns.message.Message]] = field(default_factory=dict)

    def pass_time(self, seconds: float) -> None:
        self._later += seconds

    def reply(self, wire: bytes) -> bytes | None:
        query = dns.message.from_wire(wire)
        self.asked += 1
        if self.mute:
            return None
        question = (query.question[0].name.to_text().lower(), dns.rdatatype.to_text(query.question[0].rdtype))
        now = time.monotonic() + self._later
        kept = self._cache.get(question)
        if kept is None or now - kept[0] >= self._ttl(kept[1]):
            host, port = self.upstream.rsplit(":", 1)
            told = dns.query.udp(dns.message.make_query(*question), host, port=int(port), timeout=5)
            kept = self._cache[question] = (now, told)
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        answer.set_rcode(kept[1].rcode())
        for rrset in kept[1].answer:
            left = int(max(0, self._ttl(kept[1]) - (now - kept[0])))
            answer.answer.append(dns.rrset.from_rdata_list(rrset.name, left, list(rrset)))
        return answer.to_wire()

    def _ttl(self, told: dns.message.Message) -> float:
        records = told.answer or told.authority
        # Of an answer that there is nothing, the last field of the SOA counts.
        ttl = min((rrset.ttl if told.answer else rrset[0].minimum) for rrset in records)
        return float(max(ttl, self.keeps))


@contextmanager
def resolving(upstream: str, *, keeps: float = 0) -> Iterator[Resolver]:
    """A resolver on a port of its own, for as long as the block lasts."""
    resolver = Resolver(upstream, keeps)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.settimeout(0.1)
        host, port = listening.getsockname()
        resolver.address = f"{host}:{port}"
        done = threading.Event()

        def serve() -> None:
            while not done.is_set():
                try:
                    wire, sender = listening.recvfrom(4096)
                except TimeoutError:
                    continue
                answer = resolver.reply(wire)
                if answer is not None:
                    listening.sendto(answer, sender)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield resolver
        finally:
            done.set()
            thread.join()
