"""Certificates of all kinds, good and bad, of a CA that only a test trusts."""

from __future__ import annotations

import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Authority:
    """Signs for a name. ``ca_file`` is what trusts it."""

    def __init__(self, folder: Path, organization: str = "a test") -> None:
        self._ca = trustme.CA(organization_name=organization)
        self.ca_file = folder / f"{organization}.pem"
        self._ca.cert_pem.write_to_path(self.ca_file)

    def server(self, name: str, *, days: float = 90) -> ssl.SSLContext:
        """A server whose certificate is valid for so long yet; below 0 it has expired."""
        now = datetime.now(UTC)
        since = now - timedelta(days=1) if days > 0 else now + timedelta(days=days - 1)
        made = self._ca.issue_cert(name, not_before=since, not_after=now + timedelta(days=days, minutes=5))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.configure_cert(context)
        return context


def self_signed(name: str) -> ssl.SSLContext:
    """A server that vouches for itself."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=90))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        file.write(pem)
        file.flush()
        context.load_cert_chain(file.name)
    return context
