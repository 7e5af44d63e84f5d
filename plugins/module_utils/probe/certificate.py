"""The certificate that a service showed."""

from __future__ import annotations

import hashlib
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

__all__ = ["Certificate"]


@dataclass(frozen=True, slots=True)
class Certificate:
    """``fingerprint`` is the SHA-256 of the certificate, in hexadecimal; ``issuer`` whose signature it has."""

    fingerprint: str
    issuer: str
    expires: datetime

    @classmethod
    def of(cls, connection: ssl.SSLObject | ssl.SSLSocket) -> Certificate:
        """Of a connection whose certificate was verified."""
        told: dict[str, Any] = connection.getpeercert() or {}
        raw = connection.getpeercert(binary_form=True) or b""
        names = {name: value for part in told.get("issuer", ()) for name, value in part}
        return cls(
            hashlib.sha256(raw).hexdigest(),
            str(names.get("organizationName") or names.get("commonName") or "not named"),
            datetime.fromtimestamp(ssl.cert_time_to_seconds(told["notAfter"]), UTC),
        )

    @property
    def days(self) -> float:
        """How long it is still valid."""
        return (self.expires - datetime.now(UTC)).total_seconds() / 86400
