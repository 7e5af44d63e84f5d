"""A D1 database: queries, and Time Travel.

Every D1 database can be taken back to any moment of the last 30 days (7 on the free plan), in place.
A bookmark names a state; the one of now, taken before a restore, undoes it (Cloudflare's page "Time
Travel"; cloudflare.md, 2.5).
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from .client import Client
from .errors import Refused

__all__ = ["D1"]

# One statement that cannot write. A semicolon in a text is taken for the end of a statement: then it may be more.
_READS = re.compile(r"\s*(SELECT|PRAGMA\s+foreign_key_check)\b[^;]*;?\s*", re.IGNORECASE)


class D1:
    """One database, found by its name. Raises :class:`CloudflareError`."""

    def __init__(self, client: Client, name: str) -> None:
        self.name = name
        self._client = client
        found = [item for item in client.read("d1/database", name=name) if item["name"] == name]
        if not found:
            raise Refused(
                f"the account has no D1 database named {name}; correct d1_database, or cloudflare_account_id"
            )
        self.uuid = str(found[0]["uuid"])
        self._path = f"d1/database/{self.uuid}"

    def query(self, sql: str, params: tuple[Any, ...] = ()) -> list[dict[str, Any]]:
        """The rows of the last statement, as dictionaries. What only reads is asked again where no answer comes."""
        ask = self._client.ask if _READS.fullmatch(sql) else self._client.write
        answers = ask(f"{self._path}/query", {"sql": sql, "params": list(params)})
        rows: list[dict[str, Any]] = answers[-1]["results"] if answers else []
        return rows

    def bookmark(self, at: datetime | None = None) -> str:
        """The bookmark of now, or of the newest state at or before a moment."""
        asked = {} if at is None else {"timestamp": at.isoformat()}
        bookmark: str = self._client.read(f"{self._path}/time_travel/bookmark", **asked)["bookmark"]
        return bookmark

    def restore(self, bookmark: str) -> None:
        """Take the database to a bookmark, in place. Restoring it twice changes nothing the second time."""
        self._client.write(f"{self._path}/time_travel/restore", bookmark=bookmark)
