"""How a component is protected on the way to its users: security headers and TLS, before a change and after it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from .contract import Answer

__all__ = ["SECURITY", "Posture", "headers_lost", "security_headers", "tls_change"]

# What each header must say to protect anybody; a header that says less is as good as none.
SECURITY = {
    "Strict-Transport-Security": r"max-age=[\"']?0*[1-9]",
    "Content-Security-Policy": r"\S",
    "X-Frame-Options": r"(?i)^\s*(deny|sameorigin)",
    "X-Content-Type-Options": r"(?i)^\s*nosniff",
    "X-XSS-Protection": r"\S",
    "Referrer-Policy": r"\S",
    "Permissions-Policy": r"\S",
    "Cross-Origin-Opener-Policy": r"\S",
    "Cross-Origin-Resource-Policy": r"\S",
    "Cross-Origin-Embedder-Policy": r"\S",
}
# Characters of a value that are kept: enough to see what changed.
_KEPT = 300


@dataclass(frozen=True, slots=True)
class Posture:
    """``headers`` are the security headers in force; ``None``: what answered was not the component.

    Without TLS there is no ``fingerprint``. ``expires`` is ISO 8601. ``version`` is what the component said it was.
    """

    headers: Mapping[str, str] | None
    tls_version: str | None
    fingerprint: str | None
    issuer: str | None
    expires: str | None
    version: str | None

    @classmethod
    def of(cls, answer: Answer, *, own: bool, version: str | None) -> Posture:
        """``own`` says whether the component itself answered, and not an error page in front of it."""
        headers, shown = security_headers(answer.headers) if own else None, answer.certificate
        if shown is None:
            return cls(headers, None, None, None, None, version)
        expires = shown.expires.isoformat()
        return cls(headers, answer.tls_version, shown.fingerprint, shown.issuer, expires, version)

    @property
    def days(self) -> float | None:
        """How long the certificate is still valid."""
        return (_moment(self.expires) - datetime.now(UTC)).total_seconds() / 86400 if self.expires else None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def security_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Those in force, under their usual names."""
    return {
        name: headers[name][:_KEPT]
        for name, says in SECURITY.items()
        if re.search(says, headers.get(name) or "")
    }


def headers_lost(
    before: Iterable[str], now: Collection[str], recorded: Collection[str] | None
) -> tuple[list[str], list[str]]:
    """What is gone: what nothing explains, and what the release explains.

    ``recorded`` are the headers that the release had when it was found to be good (``None``: not known). One that it
    never had is not lost by going back to it.
    """
    gone = [name for name in before if name not in now]
    explained = [name for name in gone if recorded is not None and name not in recorded]
    return [name for name in gone if name not in explained], explained


def tls_change(before: Posture, now: Posture) -> tuple[str, str]:
    """The verdict on what became of the certificate, and the reason: ``pass``, or ``inconclusive`` for no reason."""
    if before.fingerprint == now.fingerprint:
        return "pass", "the same certificate as before"
    change = f"the certificate changed from {_short(before.fingerprint)} to {_short(now.fingerprint)}"
    if before.issuer == now.issuer and _moment(now.expires) >= _moment(before.expires):
        return "pass", f"{change}: renewed by {now.issuer}, valid until {_day(now.expires)}"
    if before.issuer == now.issuer:
        return "inconclusive", f"{change}, which expires earlier, and nothing explains it"
    return "inconclusive", f"{change}, from {before.issuer} to {now.issuer}, and nothing explains it"


def _short(fingerprint: str | None) -> str:
    return f"{fingerprint[:12]}..." if fingerprint else "none"


def _moment(text: str | None) -> datetime:
    return datetime.fromisoformat(text or "0001-01-01T00:00:00+00:00")


def _day(text: str | None) -> str:
    return (text or "")[:10]
