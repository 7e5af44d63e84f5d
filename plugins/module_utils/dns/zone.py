"""The records of a name at Cloudflare: read, kept, changed in one batch, read back."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..cloudflare.client import Client
from ..cloudflare.errors import Refused
from ..cloudflare.settle import settle
from .records import Record, changes, in_words

__all__ = ["Snapshot", "load", "make_true", "read_records", "save", "zone_id", "zone_ids"]

_PER_PAGE = 100


def zone_ids(client: Client) -> dict[str, str]:
    """The ids of the account's zones by name. Raises :class:`CloudflareError`."""
    found: dict[str, str] = {}
    page = 1
    while True:
        query = {"account.id": client.account, "page": page, "per_page": 50}
        listed = client.read("/zones", **query)
        found |= {item["name"]: item["id"] for item in listed}
        if len(listed) < 50:
            return found
        page += 1


def zone_id(client: Client, zone: str) -> str:
    """The id of one zone. Raises :class:`Refused` when the account, or the token, has none of that name."""
    listed = client.read("/zones", **{"account.id": client.account, "name": zone})
    if not listed:
        raise Refused(
            f"the account has no zone {zone}: correct dns_zone, or give the API token the permission Zone Read"
        )
    return str(listed[0]["id"])


def read_records(client: Client, zone: str, name: str, kinds: Collection[str]) -> list[dict[str, Any]]:
    """The records of a name, of these types. ``zone`` is an id."""
    listed = client.read(f"/zones/{zone}/dns_records", **{"name.exact": name, "per_page": _PER_PAGE})
    return [record for record in listed if record["type"] in kinds]


def make_true(client: Client, zone: str, name: str, kinds: Collection[str], wanted: Sequence[Record]) -> bool:
    """Make the records of these types what is wanted, in one batch; whether anything was written.

    The batch is one transaction, so there is no moment without records. Raises :class:`CloudflareError`, with
    nothing changed where a record belongs to a custom domain of a Worker.
    """
    body: dict[str, list[dict[str, Any]]] = {}

    def is_so() -> bool:
        current = read_records(client, zone, name, kinds)
        fixed = [record for record in current if (record.get("meta") or {}).get("read_only")]
        if fixed and changes(name, current, wanted):
            raise Refused(
                f"{name}: {in_words(fixed[0])} belongs to a custom domain of a Worker, and cannot be changed as a "
                "record; use a maintenance Worker on its routes, or take the custom domain away"
            )
        body.clear()
        body.update(changes(name, current, wanted))
        return not body

    return settle(
        is_so, lambda: client.write(f"/zones/{zone}/dns_records/batch", body), f"the records of {name}"
    )


Snapshot = dict[str, Any]
"""``zone`` (name), ``name``, ``kinds``, ``records`` (of the API), ``taken`` (UTC, ISO 8601)."""


def save(folder: Path, zone: str, name: str, kinds: Collection[str], records: Sequence[Record]) -> Path:
    """Keep the records of a name as they are now. Raises OSError: what cannot be kept must not be changed."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{name.replace('*', '_')}.json"
    told = {
        "zone": zone,
        "name": name,
        "kinds": sorted(kinds),
        "records": list(records),
        "taken": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    # The first one of a run is what was there before it; a second call must not take its place.
    if not path.exists():
        draft = path.with_suffix(".draft")
        draft.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        draft.replace(path)
    return path


def load(path: Path) -> Snapshot:
    """A snapshot. Raises ValueError with what is wrong with the file."""
    try:
        told: Snapshot = json.loads(path.read_text(encoding="utf-8"))
        if not all(isinstance(told[key], str) for key in ("zone", "name")):
            raise TypeError
        list(map(in_words, told["records"]))
        list(told["kinds"])
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{path} is no snapshot of DNS records") from None
    return told
