"""What the zones answer to a DNS question: the records of the API, as Cloudflare's authoritative servers tell them.

A proxied record is answered with the addresses of the edge instead of its content, whatever it is. So is a
custom domain of a Worker or of a Pages project, for which Cloudflare makes a record by itself.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from local_cloudflare import account
from local_cloudflare.store import Store

AUTOMATIC_TTL = 300
"""Seconds, where the API says 1, and of every proxied record (dns/manage-dns-records/reference/ttl)."""

NEGATIVE_TTL = 1800
"""Seconds that it may be remembered that there is no such name or record (SOA minimum)."""

EDGE = {"A": "127.0.0.1"}
"""The addresses of the edge, by type; it listens on IPv4 only."""

_PAYLOAD = 1232
_CHAIN = 8


class Answers:
    """Answers questions about the zones of a store. ``on_edge`` tells whether a custom domain has this name."""

    def __init__(self, store: Store, on_edge: Callable[[str], bool]) -> None:
        self._store = store
        self._on_edge = on_edge

    def reply(self, wire: bytes, limit: int | None) -> bytes | None:
        """The answer to one message; ``limit`` is the most bytes that a datagram may have, ``None`` over TCP.

        ``None`` for what is no question, which gets no answer.
        """
        try:
            query = dns.message.from_wire(wire)
        except dns.exception.DNSException:
            return None
        if query.flags & dns.flags.QR:
            return None
        answer = dns.message.make_response(query, our_payload=_PAYLOAD)
        try:
            self._fill(query, answer)
        except dns.exception.DNSException:
            # A record that the API took and DNS cannot say.
            answer.set_rcode(dns.rcode.SERVFAIL)
        if limit is None:
            return answer.to_wire()
        most = max(limit, query.payload) if query.edns >= 0 else limit
        try:
            return answer.to_wire(max_size=most)
        except dns.exception.TooBig:
            short = dns.message.make_response(query, our_payload=_PAYLOAD)
            short.flags |= dns.flags.AA | dns.flags.TC
            return short.to_wire()

    def _fill(self, query: dns.message.Message, answer: dns.message.Message) -> None:
        if query.opcode() != 0 or len(query.question) != 1:
            answer.set_rcode(dns.rcode.NOTIMP)
            return
        question = query.question[0]
        name, kind = _text(question.name), dns.rdatatype.to_text(question.rdtype)
        zone = self._zone(name)
        if zone is None:
            answer.set_rcode(dns.rcode.REFUSED)
            return
        answer.flags |= dns.flags.AA
        self._answer(answer, name, kind, zone)
        if not answer.answer:
            answer.authority.append(_rrset(zone, NEGATIVE_TTL, "SOA", [_soa(zone)]))
            if not self._exists(name, zone):
                answer.set_rcode(dns.rcode.NXDOMAIN)

    def _answer(self, answer: dns.message.Message, name: str, kind: str, zone: str) -> None:
        """Adds what is known of a name, and of the names that it leads to as long as they are ours."""
        asked = name
        for _ in range(_CHAIN):
            if name == zone and kind in ("NS", "SOA"):
                texts = [f"{server}." for server in account.NAME_SERVERS] if kind == "NS" else [_soa(zone)]
                answer.answer.append(_rrset(name, 86_400, kind, texts))
            found = self._records(name, zone)
            if any(record["proxied"] for record in found) or (not found and self._on_edge(name)):
                if kind in EDGE:
                    answer.answer.append(_rrset(name, AUTOMATIC_TTL, kind, [EDGE[kind]]))
                    return
                found = [record for record in found if not record["proxiable"]]
            alias = next((record for record in found if record["type"] == "CNAME"), None)
            if alias is None or kind == "CNAME":
                _add(answer, name, kind, [record for record in found if record["type"] == kind])
                return
            to = alias["content"].lower().rstrip(".")
            if name == zone:
                # The apex may have other records, so its alias is told as addresses.
                self._flatten(answer, asked, kind, to)
                return
            _add(answer, name, "CNAME", [alias])
            following = self._zone(to)
            if following is None:
                return
            name, zone = to, following

    def _flatten(self, answer: dns.message.Message, name: str, kind: str, to: str) -> None:
        zone = self._zone(to)
        inner = dns.message.Message()
        if zone is not None:
            self._answer(inner, to, kind, zone)
        texts = [
            data.to_text()
            for found in inner.answer
            if dns.rdatatype.to_text(found.rdtype) == kind
            for data in found
        ]
        if texts:
            answer.answer.append(_rrset(name, min(found.ttl for found in inner.answer), kind, texts))

    def _zone(self, name: str) -> str | None:
        zones = account.zones(self._store)
        return max((z for z in zones if name == z or name.endswith(f".{z}")), key=len, default=None)

    def _records(self, name: str, zone: str) -> list[dict[str, Any]]:
        """The records of a name; of the wildcard beside or above it when there is nothing of that name itself."""
        for owner in _owners(name, zone):
            found = [
                json.loads(row["body"])
                for row in self._store.db.execute(
                    "SELECT body FROM dns_records WHERE name = ? ORDER BY content", (owner,)
                )
            ]
            if found or (owner == name and self._exists(name, zone)):
                return found
        return []

    def _exists(self, name: str, zone: str) -> bool:
        """Whether there is anything of this name, or below it."""
        if name == zone or self._on_edge(name):
            return True
        below = f"%.{name.replace('_', '!_').replace('%', '!%')}"
        return (
            self._store.db.execute(
                "SELECT 1 FROM dns_records WHERE name = ? OR name LIKE ? ESCAPE '!' LIMIT 1", (name, below)
            ).fetchone()
            is not None
        )


def _owners(name: str, zone: str) -> Iterator[str]:
    yield name
    while name != zone:
        name = name.partition(".")[2]
        yield f"*.{name}"


def _add(answer: dns.message.Message, name: str, kind: str, records: list[dict[str, Any]]) -> None:
    if records:
        # The records of a set have one time to live; where the API was told several, the shortest counts.
        ttl = min(record["ttl"] if record["ttl"] != 1 else AUTOMATIC_TTL for record in records)
        answer.answer.append(_rrset(name, ttl, kind, [_rdata(record) for record in records]))


def _rdata(record: dict[str, Any]) -> str:
    kind, content = record["type"], record["content"]
    if kind in ("CNAME", "NS", "PTR"):
        return f"{content.rstrip('.')}."
    if kind == "MX":
        return f"{record.get('priority') or 0} {content.rstrip('.')}."
    if kind == "TXT" and not content.startswith('"'):
        pieces = [content[at : at + 255] for at in range(0, len(content), 255)]
        return " ".join('"' + piece.replace("\\", "\\\\").replace('"', '\\"') + '"' for piece in pieces)
    return str(content)


def _rrset(name: str, ttl: int, kind: str, texts: list[str]) -> dns.rrset.RRset:
    return dns.rrset.from_text_list(f"{name}.", ttl, "IN", kind, texts)


def _soa(zone: str) -> str:
    return f"{account.NAME_SERVERS[0]}. dns.cloudflare.com. 1 10000 2400 604800 {NEGATIVE_TTL}"


def _text(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower()
