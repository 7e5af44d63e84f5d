"""Puts the parts of one local Cloudflare together and runs them in one event loop."""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Mount, Router

from local_cloudflare import account, admin, dns, kv, routing
from local_cloudflare.analytics import api as analytics
from local_cloudflare.analytics import invocations
from local_cloudflare.budget import Budget
from local_cloudflare.d1 import api as d1
from local_cloudflare.d1.databases import Databases
from local_cloudflare.d1.transfer import Transfer
from local_cloudflare.dns_answers import Answers
from local_cloudflare.dns_server import DnsServer
from local_cloudflare.edge_process import Edge
from local_cloudflare.envelope import ApiError, api_error, http_error, unexpected
from local_cloudflare.faults import BY_VISIT, EDGE_KINDS, Faults
from local_cloudflare.front import Authority, Front
from local_cloudflare.gateway import PREFIX, Gateway
from local_cloudflare.http_server import HttpServer
from local_cloudflare.journal import Journal
from local_cloudflare.pages import api as pages
from local_cloudflare.pages import model as pages_model
from local_cloudflare.pages import serving as pages_serving
from local_cloudflare.state_dir import StateDir
from local_cloudflare.store import Store
from local_cloudflare.workers import api as workers

SCHEMAS = (
    account.SCHEMA,
    d1.SCHEMA,
    dns.SCHEMA,
    invocations.SCHEMA,
    kv.SCHEMA,
    pages_model.SCHEMA,
    workers.SCHEMA,
)


@dataclass(frozen=True)
class Settings:
    """What the command line decides. Ports: 0 lets the kernel choose. Times in the unit of their name."""

    zones: tuple[str, ...] = ("mustbeviral.com",)
    api_port: int = 0
    admin_port: int = 0
    edge_port: int = 0
    dns_port: int = 0
    latency_ms: float = 0.0
    budget: int = 1200
    budget_window_seconds: float = 300.0
    budget_block_seconds: float = 300.0


class LocalCloudflare:
    """One running instance over one state directory."""

    def __init__(self, state: StateDir, settings: Settings) -> None:
        self._state = state
        self._settings = settings
        self._store = Store(state.path / "state.db", SCHEMAS)
        self._who = account.identity(self._store)
        self._journal = Journal()
        self._faults = Faults()
        self._edge_faults = Faults(EDGE_KINDS, BY_VISIT)
        self._budget = Budget(settings.budget, settings.budget_window_seconds, settings.budget_block_seconds)
        account.add_zones(self._store, settings.zones)
        self._table = routing.Table(self._store, self._who.workers_dev)
        self._d1 = Databases(self._store, state.path / "d1")
        self._transfer = Transfer(self._d1, lambda: f"http://127.0.0.1:{self._admin.port}")
        self._admin: HttpServer = HttpServer(
            self._application(
                [
                    *admin.routes(self._faults, self._edge_faults, self._journal, self.reset),
                    *routing.internal_routes(self._store, self._routing_table),
                    *pages_serving.internal_routes(self._store),
                    *kv.internal_routes(self._store),
                    *d1.internal_routes(self._d1),
                    *self._transfer.storage_routes(),
                ]
            ),
            settings.admin_port,
        )
        self._edge = Edge(
            state=state.path, control=f"127.0.0.1:{self._admin.port}", table=self._routing_table
        )
        self._authority = Authority(state.path)
        self._front = Front(
            authority=self._authority,
            knows_name=lambda name: routing.knows_name(self._routing_table(), name),
            upstream=self._edge.upstream,
            faults=self._edge_faults,
            port=settings.edge_port,
        )
        self._edge_port = 0
        answers = Answers(self._store, lambda name: routing.is_custom_domain(self._routing_table(), name))
        self._dns = DnsServer(answers.reply, settings.dns_port)
        self._api = HttpServer(
            Gateway(
                self._application([Mount(PREFIX, app=Router(self._api_routes(), redirect_slashes=False))]),
                who=self._who,
                journal=self._journal,
                faults=self._faults,
                budget=self._budget,
                latency_ms=settings.latency_ms,
            ),
            settings.api_port,
        )

    def _api_routes(self) -> list[BaseRoute]:
        return [
            *account.routes(self._store, self._who),
            *analytics.routes(self._store, self._d1, self._who, self._edge.invocations),
            *dns.routes(self._store),
            *kv.routes(self._store),
            *d1.routes(self._d1),
            *self._transfer.routes(),
            *workers.routes(self._store, self._who, self._table),
            *pages.routes(self._store),
        ]

    def _application(self, routes: Sequence[BaseRoute]) -> Starlette:
        app = Starlette(
            routes=list(routes),
            exception_handlers={ApiError: api_error, HTTPException: http_error, Exception: unexpected},
        )
        app.state.store = self._store
        app.state.publish = self.publish
        return app

    def _routing_table(self) -> dict[str, Any]:
        return {**self._table.current(), "pages": pages_serving.table(self._store)}

    async def publish(self) -> None:
        """Makes the present routing table live at the edge; returns when it is."""
        await self._edge.publish()

    async def reset(self) -> None:
        """Forgets everything but the identity (account, token, certificates), faults and log included."""
        self._store.clear()
        await self._d1.reset()
        account.add_zones(self._store, self._settings.zones)
        self._table.reload()
        self._faults.clear()
        self._edge_faults.clear()
        self._journal.clear()
        self._budget.reset()
        await self._edge.reset()

    async def run(self, stop: asyncio.Event) -> None:
        """Serves until `stop` is set; ready.json exists exactly while everything answers."""
        try:
            await self._admin.start()
            await self._edge.start()
            self._edge_port = await self._front.start()
            await self._dns.start()
            await self._api.start()
            ready = self.ready()
            self._state.announce(ready)
            print(
                f"local_cloudflare is ready: {ready['api_url']} (details in {self._state.path}/ready.json)",
                flush=True,
            )
            await stop.wait()
        finally:
            self._state.withdraw()
            self._faults.clear()
            self._edge_faults.clear()
            await asyncio.gather(self._api.stop(), self._front.stop(), self._dns.stop())
            await asyncio.gather(self._edge.stop(), self._admin.stop(), self._d1.close())
            self._store.close()

    def ready(self) -> dict[str, Any]:
        """The content of ready.json."""
        return {
            "api_url": f"http://127.0.0.1:{self._api.port}{PREFIX}",
            "admin_url": f"http://127.0.0.1:{self._admin.port}",
            "edge": f"127.0.0.1:{self._edge_port}",
            "dns": f"127.0.0.1:{self._dns.port}",
            "ca_file": str(self._authority.file),
            "account_id": self._who.account_id,
            "api_token": self._who.api_token,
            "zones": account.zones(self._store),
            "pid": os.getpid(),
        }
