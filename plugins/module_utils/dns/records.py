"""The records of one name: as they are, as they shall be, and what has to be changed. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

__all__ = [
    "ADDRESSES",
    "AUTOMATIC",
    "Record",
    "changes",
    "difference",
    "in_words",
    "kinds_of",
    "longest_ttl",
    "plain",
    "problems_of",
    "ttl_of",
]

Record = Mapping[str, Any]
"""``type``, ``content``, ``ttl`` (seconds, 1: automatic), ``proxied``, ``priority``, and what the API keeps with it."""

# A name has an alias or addresses, and what was the one may become the other.
ADDRESSES = ("A", "AAAA", "CNAME")
AUTOMATIC = 300
"""Seconds of a record whose TTL is automatic, or which is proxied (dns/manage-dns-records/reference/ttl)."""

_KINDS = ("A", "AAAA", "CNAME", "MX", "TXT")
_ESSENCE = ("type", "content", "ttl", "proxied", "priority")
# What a person attached to a record; it comes back with it.
_ATTACHED = ("comment", "tags", "settings")


def problems_of(declared: Any) -> list[str]:
    """What is wrong with declared records, one sentence each; empty when nothing is."""
    if not isinstance(declared, Sequence) or isinstance(declared, str) or not declared:
        return ["must be a list of records, each with type and content"]
    found = []
    for record in declared:
        if not isinstance(record, Mapping) or not record.get("type") or not record.get("content"):
            found.append(f"{record}: a record needs type and content")
            continue
        kind, ttl = str(record["type"]).upper(), record.get("ttl", 1)
        if kind not in _KINDS:
            found.append(f"{kind}: the type must be one of {', '.join(_KINDS)}")
        elif record.get("proxied") and kind not in ADDRESSES:
            found.append(f"{kind} {record['content']}: only A, AAAA and CNAME can be proxied")
        if (
            isinstance(ttl, bool)
            or not str(ttl).isdecimal()
            or (int(ttl) != 1 and not 30 <= int(ttl) <= 86400)
        ):
            found.append(f"{kind} {record['content']}: ttl must be 1 (automatic) or from 30 to 86400 seconds")
        if unknown := sorted(set(record) - {*_ESSENCE, *_ATTACHED}):
            found.append(f"{kind} {record['content']}: a record has no {', '.join(unknown)}")
    kinds = [
        str(record["type"]).upper() for record in declared if isinstance(record, Mapping) and "type" in record
    ]
    if "CNAME" in kinds and len([kind for kind in kinds if kind in ADDRESSES]) > 1:
        found.append("a CNAME stands alone: no address, and no second CNAME, beside it")
    return found


def plain(record: Record) -> dict[str, Any]:
    """A declared record, or one of the API, in one form: only what can be written, and what differs shows."""
    kind, proxied = str(record["type"]).upper(), bool(record.get("proxied"))
    content = str(record["content"])
    told: dict[str, Any] = {
        "type": kind,
        "content": content.lower().rstrip(".") if kind in ("CNAME", "MX") else content,
        # Cloudflare shows 1 for whatever is proxied.
        "ttl": 1 if proxied else int(record.get("ttl") or 1),
        "proxied": proxied,
    }
    if kind == "MX":
        told["priority"] = int(record.get("priority") or 0)
    return {**told, **{name: record[name] for name in _ATTACHED if record.get(name)}}


def kinds_of(records: Iterable[Record]) -> tuple[str, ...]:
    """The types that a set of records decides: all of addresses and aliases, when there is one of them or nothing."""
    named = {str(record["type"]).upper() for record in records}
    if not named or named & set(ADDRESSES):
        named |= set(ADDRESSES)
    return tuple(sorted(named))


def changes(
    name: str, current: Collection[Record], wanted: Collection[Record]
) -> dict[str, list[dict[str, Any]]]:
    """The body of one batch (deletes, patches, posts) that makes ``current`` what is ``wanted``; empty if it is.

    ``current`` are records of the API, of the types that are decided.
    """
    there = {_key(plain(record)): record for record in current}
    shall = {_key(plain(record)): plain(record) for record in wanted}
    body = {
        "deletes": [{"id": record["id"]} for key, record in there.items() if key not in shall],
        "patches": [
            {"id": there[key]["id"], **record}
            for key, record in shall.items()
            if key in there and not _same(plain(there[key]), record)
        ],
        "posts": [{"name": name, **record} for key, record in shall.items() if key not in there],
    }
    return {what: items for what, items in body.items() if items}


def difference(current: Iterable[Record], wanted: Iterable[Record]) -> dict[str, str]:
    """``before`` and ``after`` as Ansible shows a difference."""
    return {
        side: "".join(f"{line}\n" for line in sorted(in_words(record) for record in records))
        for side, records in (("before", current), ("after", wanted))
    }


def in_words(record: Record) -> str:
    """``A 192.0.2.1, proxied`` or ``MX 10 mail.example.com, ttl 300``."""
    told = plain(record)
    content = f"{told['priority']} {told['content']}" if "priority" in told else told["content"]
    if told["proxied"]:
        return f"{told['type']} {content}, proxied"
    return f"{told['type']} {content}, ttl {'automatic' if told['ttl'] == 1 else told['ttl']}"


def ttl_of(records: Iterable[Record]) -> int:
    """Seconds for which an answer with these records may be remembered."""
    return min(
        (AUTOMATIC if r["ttl"] == 1 else int(r["ttl"]) for r in map(plain, records)), default=AUTOMATIC
    )


def longest_ttl(records: Iterable[Record], negative: int) -> int:
    """Seconds for which somebody may still have an answer of before; ``negative`` where there was nothing."""
    ttls = [AUTOMATIC if r["ttl"] == 1 else int(r["ttl"]) for r in map(plain, records)]
    return max(ttls, default=negative)


def _key(record: Record) -> tuple[str, str]:
    return record["type"], record["content"]


def _same(there: Record, shall: Record) -> bool:
    return all(there.get(name) == shall.get(name) for name in _ESSENCE)
