"""What the edge is told: the Workers' part of the routing table, and the documents of versions."""

import json
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from local_cloudflare import account
from local_cloudflare.envelope import answer
from local_cloudflare.ids import epoch_ms
from local_cloudflare.store import Store
from local_cloudflare.workers.model import Draft, find_version, live_deployment


class Table:
    """The Workers' part of the routing table, kept up to date change by change instead of rebuilt."""

    def __init__(self, store: Store, workers_dev: str) -> None:
        self._store = store
        self._workers_dev = workers_dev
        self._workers: dict[str, dict[str, Any]] = {}
        self._routes: list[dict[str, str]] = []
        self._domains: dict[str, str] = {}
        self.reload()

    def reload(self) -> None:
        """Reads everything anew."""
        self._workers.clear()
        for (name,) in self._store.db.execute("SELECT name FROM scripts").fetchall():
            self.refresh(name)
        self.refresh_triggers()

    def refresh(self, script: str) -> None:
        """Takes over what is live of one script; a script that is gone or never deployed is not served."""
        db = self._store.db
        row = db.execute("SELECT workers_dev FROM scripts WHERE name = ?", (script,)).fetchone()
        live = live_deployment(db, script)
        if row is None or live is None:
            self._workers.pop(script, None)
            return
        self._workers[script] = {
            "deployment_id": live["id"],
            "created_on": epoch_ms(live["created_on"]),
            "versions": [
                {"id": item["version_id"], "percentage": item["percentage"]}
                for item in json.loads(live["versions"])
            ],
            "code_update_strategy": json.loads(live["code_update_strategy"]),
            "workers_dev": bool(row["workers_dev"]),
        }

    def refresh_triggers(self) -> None:
        """Takes over routes and custom domains."""
        db = self._store.db
        self._routes = [
            {"pattern": row["pattern"], "script": row["script"]}
            for row in db.execute("SELECT pattern, script FROM routes WHERE script IS NOT NULL")
        ]
        self._domains = {
            row["hostname"]: row["service"] for row in db.execute("SELECT hostname, service FROM domains")
        }

    def current(self) -> dict[str, Any]:
        """The table without its Pages part. Not to be changed by the caller."""
        return {
            "zones": list(account.zones(self._store)),
            "workers_dev": self._workers_dev,
            "routes": self._routes,
            "custom_domains": self._domains,
            "workers": self._workers,
        }


def knows_name(table: dict[str, Any], name: str) -> bool:
    """Whether the edge has a certificate for `name`: zones, the account's workers.dev, its Pages projects."""
    if name.endswith(".pages.dev"):
        *labels, project = name.removesuffix(".pages.dev").split(".")
        return project in table["pages"] and len(labels) <= 1
    roots = [*table["zones"], table["workers_dev"]]
    return any(name == root or name.endswith("." + root) for root in roots)


def is_custom_domain(table: dict[str, Any], name: str) -> bool:
    """Whether a Worker or a Pages project has `name` as a custom domain."""
    return name in table["custom_domains"] or any(
        name in project["domains"] for project in table["pages"].values()
    )


def internal_routes(store: Store, table: Callable[[], dict[str, Any]]) -> list[Route]:
    """Endpoints of the admin server that only the edge calls."""

    async def whole_table(_: Request) -> Response:
        return answer(table())

    async def version(request: Request) -> Response:
        row = find_version(store.db, request.path_params["script"], request.path_params["id"])
        draft = Draft.of(store.db, row)
        return answer(
            {
                "id": row["id"],
                "tag": _tag(row["annotations"]),
                "created_on": row["created_on"],
                "compatibility_date": draft.runtime["compatibility_date"],
                "compatibility_flags": draft.runtime["compatibility_flags"],
                "main_module": draft.main_module,
                "modules": json.loads(draft.modules_json),
                "bindings": list(draft.bindings),
            }
        )

    return [
        Route("/internal/table", whole_table),
        Route("/internal/workers/{script}/versions/{id}", version),
    ]


def _tag(annotations: str) -> str:
    """The tag annotation of a version, empty when it has none."""
    tag: str = json.loads(annotations).get("workers/tag", "")
    return tag
