"""The Workers part of the API, assembled."""

from starlette.routing import Route

from local_cloudflare.account import Identity
from local_cloudflare.routing import Table
from local_cloudflare.store import Store
from local_cloudflare.workers import deployments, model, scripts, secrets, settings, triggers, versions

SCHEMA = model.SCHEMA + triggers.SCHEMA


def routes(store: Store, who: Identity, table: Table) -> list[Route]:
    """Endpoints below /client/v4; changes of what is live are told to `table` and published."""
    return [
        *versions.routes(store, who),
        *deployments.routes(store, who, table),
        *secrets.routes(store, who, table),
        *settings.routes(store, who, table),
        *scripts.routes(store, who, table),
        *triggers.routes(store, who, table),
    ]
