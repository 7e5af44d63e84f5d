"""What can go wrong between us and Cloudflare, told apart by what to do next."""

from __future__ import annotations

__all__ = ["SECRETS_FOLLOW", "CloudflareError", "Refused", "SecretChanged", "Unanswered", "secret_names"]

# Before the names in the message of code 10220, as Cloudflare writes it and wrangler repeats it.
SECRETS_FOLLOW = "The following secrets have changed:"


class CloudflareError(Exception):
    """Cloudflare said no, or nothing. ``ray`` is the request id that its support asks for."""

    def __init__(self, message: str, *, code: int | None = None, ray: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.ray = ray


class Refused(CloudflareError):
    """A definite no (4xx): asking again would not help."""


class SecretChanged(Refused):
    """Code 10220: a secret was changed after the target was made. ``names`` are the secrets."""

    def __init__(self, message: str, names: list[str], *, ray: str | None = None) -> None:
        super().__init__(message, code=10220, ray=ray)
        self.names = names


def secret_names(text: str) -> list[str]:
    """The secrets that the message of code 10220 names. wrangler breaks it into lines and adds the code."""
    names = " ".join(text.split()).partition(SECRETS_FOLLOW)[2].partition("[code:")[0].strip().rstrip(".")
    return [name.strip() for name in names.split(",") if name.strip()]


class Unanswered(CloudflareError):
    """A write whose outcome is unknown (timeout, reset, 5xx): read back before deciding."""
