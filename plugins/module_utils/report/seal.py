"""Close a journal with a signature, and find out whether one was touched since.

Every record carries the SHA-256 of the line before it (``journal.py``), so a change, a gap or an
insertion shows in what follows. The end is another matter: a journal that was cut after a whole line
is a shorter journal, and its last record has nothing after it that would vouch for it. That is shown
by the close (``run.closed``, an Ed25519 signature over the record with the hash of all before it), or by a head
hash that was kept elsewhere.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from ..journal import CLOSED, FIRST, Journal

__all__ = ["NotUsable", "Verified", "close", "load_or_make_key", "public_key", "verify", "verify_bytes"]

_SIGNATURE = re.compile(rb', "signature": "([0-9a-f]{128})"\}$')


class NotUsable(Exception):
    """A key or a journal that cannot be used; the message says what to change."""


def load_or_make_key(path: Path) -> Ed25519PrivateKey:
    """The signing key in a PEM file (PKCS #8, without a passphrase); made at first use, for its owner only.

    Raises :class:`NotUsable` when there is something else in its place, or others can read it.
    """
    if not path.exists():
        _make_key(path)
    try:
        if path.stat().st_mode & 0o077:
            raise NotUsable(f"{path} can be read by others than its owner: chmod 600 {path}")
        key = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise NotUsable(f"the key {path} cannot be read: {error.strerror}") from None
    except (ValueError, TypeError) as error:
        raise NotUsable(f"{path} is not a key: {error}; move it away, and a new one is made") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise NotUsable(f"{path} is not an Ed25519 key; move it away, and a new one is made")
    return key


def _make_key(path: Path) -> None:
    text = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    mine = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(mine, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(text)
        try:
            # Two runs may make one at the same time: the first stays, and nobody ever reads half a key.
            with suppress(FileExistsError):
                path.hardlink_to(mine)
        finally:
            mine.unlink()
    except OSError as error:
        raise NotUsable(f"the key {path} cannot be made: {error.strerror}") from None


def public_key(key: Ed25519PrivateKey) -> str:
    """The public half, as 64 hex digits."""
    return key.public_key().public_bytes_raw().hex()


def close(journal: Journal, key: Ed25519PrivateKey) -> None:
    """Append ``run.closed``: the head hash, the public key, and the signature over the record with both."""
    journal.close(lambda record: key.sign(record).hex(), public_key=public_key(key))


@dataclass(frozen=True, slots=True)
class Verified:
    """What became of a journal.

    ``records`` is how many whole ones there are, ``head`` the hash of the last. ``bad`` is the number
    of the first record that is wrong, from 1, and ``problem`` says what is wrong with it. ``closed``
    says that the last record is a close whose signature holds, made with ``key`` (hex). ``after`` is
    how many records came after the last close. ``anchored`` is the number of the record with the head that was asked
    for: up to there all is as it was when that head was kept.
    """

    records: int
    head: str
    bad: int | None = None
    problem: str | None = None
    closed: bool = False
    key: str | None = None
    after: int = 0
    anchored: int = 0

    @property
    def ok(self) -> bool:
        """Nothing is wrong, as far as it can be seen; only with ``complete`` is the end known to be the end."""
        return self.problem is None

    @property
    def complete(self) -> bool:
        """Nothing is wrong, and nothing was cut off: the close, or the head that was asked for, is there."""
        return self.ok and (self.closed or self.anchored == self.records)


def verify(path: Path, public_key: str | None = None, head: str | None = None) -> Verified:
    """Check the chain and every close of a journal.

    ``public_key`` (64 hex digits) is whose signature is asked for: without it any key is accepted, and
    who can write the file can sign it anew. ``head`` is a hash that was kept elsewhere: a record must
    have it. Raises :class:`NotUsable` when the file cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise NotUsable(f"the journal {path} cannot be read: {error.strerror}") from None
    return verify_bytes(data, public_key, head)


def verify_bytes(data: bytes, public_key: str | None = None, head: str | None = None) -> Verified:
    """As :func:`verify`, of the content of a journal."""
    *lines, torn = data.split(b"\n")
    hashes = [sha256(line + b"\n").hexdigest() for line in lines]
    result = _checked(lines, hashes, torn, public_key)
    if result.ok and head is not None:
        if head not in hashes:
            return _bad(
                hashes, len(lines), f"the head {head} is of no record: the journal was cut or rewritten"
            )
        return replace(result, anchored=hashes.index(head) + 1)
    return result


def _checked(lines: list[bytes], hashes: list[str], torn: bytes, public_key: str | None) -> Verified:
    before, closed_at, key = FIRST, 0, None
    for number, line in enumerate(lines, start=1):
        record = _parsed(line)
        if record is None:
            return _bad(hashes, number, "it is not a JSON object on a line of its own")
        if record.get("seq") != number:
            return _bad(
                hashes, number, f"it has the number {record.get('seq')}: records are missing, or in excess"
            )
        if "prev" not in record:
            return _bad(hashes, number, "it carries no hash of the record before it")
        if record["prev"] != before:
            return _bad(hashes, *_who_lies(number, lines, hashes))
        if record.get("event") == CLOSED:
            problem = _close_problem(record, line, before, public_key)
            if problem:
                return _bad(hashes, number, problem)
            closed_at, key = number, record["public_key"]
        before = hashes[number - 1]
    if torn:
        return _bad(hashes, len(lines) + 1, "it is cut short: by a kill while it was written, or afterwards")
    if not lines:
        return _bad(hashes, 1, "there is no record at all")
    return Verified(
        len(lines),
        before,
        closed=closed_at == len(lines),
        key=key,
        after=len(lines) - closed_at if closed_at else 0,
    )


def _who_lies(number: int, lines: list[bytes], hashes: list[str]) -> tuple[int, str]:
    """The record, or the one before it whose hash it carries: its signature, or what follows, vouches for it."""
    record = _parsed(lines[number - 1]) or {}
    if record.get("event") == CLOSED:
        vouched = _signature_holds(lines[number - 1])
    elif number == len(lines):
        # Nothing tells the two apart: the first of them is named.
        vouched = True
    else:
        vouched = (_parsed(lines[number]) or {}).get("prev") == hashes[number - 1]
    if number > 1 and vouched:
        return number - 1, f"it, or its hash in record {number}, was changed afterwards"
    return number, "it does not carry the hash of the record before it"


def _close_problem(record: dict[str, Any], line: bytes, before: str, public_key: str | None) -> str | None:
    if record.get("head") != before or not isinstance(record.get("public_key"), str):
        return "it closes the journal, and lacks the head hash or the public key"
    if public_key is not None and record["public_key"] != public_key:
        return f"it is signed with the key {record['public_key']}, and not with the one that is asked for"
    if not _signature_holds(line):
        return "its signature does not hold: it was changed afterwards"
    return None


def _signature_holds(line: bytes) -> bool:
    record, found = _parsed(line), _SIGNATURE.search(line)
    if record is None or found is None:
        return False
    try:
        signer = Ed25519PublicKey.from_public_bytes(bytes.fromhex(record["public_key"]))
        signer.verify(bytes.fromhex(found[1].decode()), line[: found.start()] + b"}")
    except (KeyError, TypeError, ValueError, InvalidSignature):
        return False
    return True


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def _bad(hashes: list[str], number: int, problem: str) -> Verified:
    return Verified(len(hashes), hashes[-1] if hashes else FIRST, bad=number, problem=problem)
