"""All endpoints of Pages."""

from starlette.routing import Route

from local_cloudflare.pages import assets, deployments, projects
from local_cloudflare.store import Store


def routes(store: Store) -> list[Route]:
    """Endpoints below /client/v4."""
    return [*projects.routes(store), *assets.routes(store), *deployments.routes(store)]
