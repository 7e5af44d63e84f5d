"""Who the one account is, and the endpoints that say so: tokens, user, accounts, memberships, zones."""

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from local_cloudflare.envelope import ACCOUNT, ApiError, ok, page
from local_cloudflare.ids import hex_id, now
from local_cloudflare.store import Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS zones (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, created_on TEXT NOT NULL);
"""

EMAIL = "operator@local-cloudflare.test"
ACCOUNT_NAME = "Local Cloudflare"
NAME_SERVERS = ["ns1.local-cloudflare.test", "ns2.local-cloudflare.test"]


@dataclass(frozen=True)
class Identity:
    """What stays the same for the life of a state directory."""

    account_id: str
    user_id: str
    token_id: str
    api_token: str
    created_on: str
    workers_dev: str
    """The account's workers.dev name, for example `local-1a2b3c.workers.dev`."""


def identity(store: Store) -> Identity:
    """Reads the identity, making it up on the first start."""
    account_id = store.identity("account_id", hex_id())
    return Identity(
        account_id=account_id,
        user_id=store.identity("user_id", hex_id()),
        token_id=store.identity("token_id", hex_id()),
        api_token=store.identity("api_token", secrets.token_urlsafe(30)),
        created_on=store.identity("created_on", now()),
        workers_dev=store.identity("workers_dev", f"local-{account_id[:6]}.workers.dev"),
    )


def add_zones(store: Store, names: Iterable[str]) -> None:
    """Makes sure that the zones exist. A zone's id follows from its name, so that it outlives a reset."""
    with store.transaction() as db:
        for name in names:
            zone_id = hashlib.sha256(f"zone:{name}".encode()).hexdigest()[:32]
            db.execute("INSERT OR IGNORE INTO zones VALUES (?, ?, ?)", (zone_id, name, now()))


def zones(store: Store) -> dict[str, str]:
    """Zone ids by name."""
    return {row["name"]: row["id"] for row in store.db.execute("SELECT name, id FROM zones ORDER BY name")}


def zone_name(store: Store, zone_id: str) -> str:
    """The name of a zone. ApiError 7003 when there is none with this id."""
    row = store.db.execute("SELECT name FROM zones WHERE id = ?", (zone_id,)).fetchone()
    if row is None:
        raise ApiError(
            404,
            7003,
            f"Could not route to /client/v4/zones/{zone_id}, perhaps your object identifier is invalid?",
            also=[(7000, "No route for that URI")],
        )
    name: str = row["name"]
    return name


def routes(store: Store, who: Identity) -> list[Route]:
    """Endpoints below /client/v4."""
    account = {
        "id": who.account_id,
        "name": ACCOUNT_NAME,
        "type": "standard",
        "settings": {"enforce_twofactor": False, "api_access_enabled": None},
        "created_on": who.created_on,
    }
    active = {"id": who.token_id, "status": "active"}

    def zone(row: Any) -> dict[str, Any]:
        return {
            "id": row["id"],
            "name": row["name"],
            "status": "active",
            "paused": False,
            "type": "full",
            "development_mode": 0,
            "name_servers": NAME_SERVERS,
            "original_name_servers": None,
            "original_registrar": None,
            "original_dnshost": None,
            "created_on": row["created_on"],
            "modified_on": row["created_on"],
            "activated_on": row["created_on"],
            "meta": {
                "step": 2,
                "custom_certificate_quota": 0,
                "page_rule_quota": 3,
                "phishing_detected": False,
            },
            "owner": {"id": who.user_id, "type": "user", "email": EMAIL},
            "account": {"id": who.account_id, "name": ACCOUNT_NAME},
            "permissions": ["#zone:read", "#dns_records:edit", "#worker:edit"],
            "plan": {
                "id": "0feeeeeeeeeeeeeeeeeeeeeeeeeeeeee",
                "name": "Free Website",
                "price": 0,
                "currency": "USD",
                "frequency": "",
                "is_subscribed": False,
                "can_subscribe": False,
                "legacy_id": "free",
                "legacy_discount": False,
                "externally_managed": False,
            },
        }

    async def verify(_: Request) -> Response:
        return ok(active)

    async def user(_: Request) -> Response:
        return ok(
            {
                "id": who.user_id,
                "email": EMAIL,
                "username": EMAIL,
                "first_name": None,
                "last_name": None,
                "telephone": None,
                "country": None,
                "zipcode": None,
                "two_factor_authentication_enabled": False,
                "two_factor_authentication_locked": False,
                "created_on": who.created_on,
                "modified_on": who.created_on,
                "suspended": False,
            }
        )

    async def accounts(request: Request) -> Response:
        return ok(*page(request, [account]))

    async def one_account(_: Request) -> Response:
        return ok(account)

    async def memberships(request: Request) -> Response:
        membership = {
            "id": who.user_id,
            "status": "accepted",
            "account": account,
            "api_access_enabled": None,
            "roles": ["Super Administrator - All Privileges"],
        }
        return ok(*page(request, [membership]))

    async def list_zones(request: Request) -> Response:
        rows = store.db.execute("SELECT * FROM zones ORDER BY name").fetchall()
        name = request.query_params.get("name")
        account_id = request.query_params.get("account.id", who.account_id)
        found = [zone(r) for r in rows if name in (None, r["name"]) and account_id == who.account_id]
        return ok(*page(request, found))

    async def get_zone(request: Request) -> Response:
        zone_name(store, request.path_params["zone_id"])
        row = store.db.execute(
            "SELECT * FROM zones WHERE id = ?", (request.path_params["zone_id"],)
        ).fetchone()
        return ok(zone(row))

    return [
        Route("/user/tokens/verify", verify),
        Route(ACCOUNT + "/tokens/verify", verify),
        Route("/user", user),
        Route("/accounts", accounts),
        Route(ACCOUNT, one_account),
        Route("/memberships", memberships),
        Route("/zones", list_zones),
        Route("/zones/{zone_id}", get_zone),
    ]
