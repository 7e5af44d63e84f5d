"""Who may call: the ways in which api.cloudflare.com refuses a request before it looks at it."""

import hmac
import re
from collections.abc import Mapping

from local_cloudflare.account import Identity
from local_cloudflare.envelope import ApiError, no_route

OWN_AUTH = "/pages/assets/"
"""Below /client/v4: these calls carry an upload JWT instead of the API token; their handlers check it."""

_BEARER = re.compile(r"Bearer\s+(\S+)", re.IGNORECASE)
_ACCOUNT = re.compile(r"/accounts/([^/]+)")
_ID = re.compile(r"[0-9a-f]{32}")


def check(who: Identity, path: str, headers: Mapping[str, str]) -> str | None:
    """Returns the token that was presented (None for paths with their own authentication).

    `path` starts after /client/v4; header names are in lower case. Raises ApiError: 9106 nothing presented,
    6003/6111 not a bearer token, 9103 an API key (this server has none), 1000 (verify) or 9109 an unknown
    token, 7003 a malformed account id, 10000 another account.
    """
    if path.startswith(OWN_AUTH):
        return None
    authorization = headers.get("authorization")
    if authorization is None:
        if "x-auth-key" in headers:
            raise ApiError(403, 9103, "Unknown X-Auth-Key or X-Auth-Email")
        raise ApiError(400, 9106, "Missing X-Auth-Key, X-Auth-Email or Authorization headers")
    bearer = _BEARER.fullmatch(authorization.strip())
    if bearer is None:
        raise ApiError(
            400,
            6003,
            "Invalid request headers",
            chain=[(6111, "Invalid format for Authorization header")],
        )
    token = bearer[1]
    if not hmac.compare_digest(token.encode(), who.api_token.encode()):
        if path.endswith("/tokens/verify"):
            raise ApiError(401, 1000, "Invalid API Token")
        raise ApiError(401, 9109, "Invalid access token")
    account = _ACCOUNT.match(path)
    if account is not None and account[1] != who.account_id:
        if _ID.fullmatch(account[1]) is None:
            raise no_route("/client/v4" + path)
        raise ApiError(403, 10000, "Authentication error")
    return token
