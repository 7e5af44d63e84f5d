"""Network faults in a few words: what a person can act on, instead of a library's own text."""

from __future__ import annotations

import requests

__all__ = ["in_words"]

_SIGNS = (
    ("certificate has expired", "the certificate has expired"),
    ("hostname mismatch", "the certificate is for another name"),
    ("doesn't match", "the certificate is for another name"),
    ("self-signed certificate in", "the certificate's chain ends in one that is not trusted"),
    ("self-signed", "the certificate is self-signed"),
    ("self signed", "the certificate is self-signed"),
    ("certificate verify failed", "the certificate is not trusted"),
    ("certificate file", "the CA file cannot be read"),
    ("ca certificate bundle", "the CA file cannot be read"),
    ("unsupported protocol", "it does not speak TLS 1.2 or newer"),
    ("alert protocol version", "it does not speak TLS 1.2 or newer"),
    ("wrong version number", "it does not speak TLS"),
    ("record layer failure", "it does not speak TLS"),
    ("eof occurred", "the TLS handshake was refused"),
    ("unrecognized name", "the TLS handshake was refused"),
    ("alert", "the TLS handshake was refused"),
    ("refused", "connection refused"),
    ("reset", "connection reset"),
    ("closed connection", "connection closed without an answer"),
    ("name or service", "the name does not resolve"),
    ("name resolution", "the name does not resolve"),
    ("timed out", "no answer in time"),
)


def in_words(error: Exception) -> str:
    """The fault behind an error of ``requests``."""
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return "no connection in time"
    text = str(error).lower()
    return next((meaning for sign, meaning in _SIGNS if sign in text), type(error).__name__)
