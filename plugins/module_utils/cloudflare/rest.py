"""Cloudflare through its REST API: the fast path."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import quote

from ..concurrent import each
from ..release.model import Component, Deployment, State, Version
from .client import Client
from .platform import Shares

__all__ = ["Rest", "deployment_of", "version_of"]

# Cloudflare lists the ten newest deployments of a Worker and no more (cloudflare.md, 2.3).
DEPLOYMENTS_KEPT = 10
_PAGE = 25
_PAGES_READ = 4


class Rest:
    """See :class:`Platform`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def state(self, component: Component) -> State:
        if component.kind == "pages":
            return self._pages_state(component)

        def versions(component: Component) -> list[dict[str, Any]]:
            listed: list[dict[str, Any]] = self._client.read(
                f"{_script(component)}/versions", deployable="true"
            )["items"]
            return listed

        found: list[list[dict[str, Any]]] = []
        for answer in each(lambda read: read(component), (self._deployments, versions)):
            if isinstance(answer, Exception):
                raise answer
            found.append(answer)
        return worker_state(component, *found)

    def history(self, component: Component) -> tuple[Deployment, ...]:
        if component.kind == "pages":
            return self._pages_history(component)
        return tuple(deployment_of(item) for item in self._deployments(component))

    def serve(self, component: Component, shares: Shares, message: str, *, force: bool) -> None:
        if component.kind == "pages":
            self._client.write(f"{_project(component)}/deployments/{shares[0][0]}/rollback")
            return
        body = {
            "strategy": "percentage",
            "versions": [{"version_id": id_, "percentage": percent} for id_, percent in shares],
            "annotations": {"workers/message": message},
            # A Worker that owns Durable Objects would keep running the bad code for up to 300 s otherwise.
            "code_update_strategy": {"mode": "immediate"},
        }
        self._client.write(f"{_script(component)}/deployments", body, **({"force": "true"} if force else {}))

    def _deployments(self, component: Component) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = self._client.read(f"{_script(component)}/deployments")["deployments"]
        return listed

    def _pages_history(self, component: Component) -> tuple[Deployment, ...]:
        project = _project(component)

        def served() -> list[Deployment]:
            canonical = _canonical(self._client.read(project))
            return [canonical] if canonical else []

        def built() -> list[Deployment]:
            listed = self._client.read(f"{project}/deployments", env="production", page=1, per_page=_PAGE)
            return [_built(item) for item in listed if _pages_version(item).unfit is None]

        serving, listed = each(lambda read: read(), (served, built))
        if isinstance(serving, Exception):
            raise serving
        if isinstance(listed, Exception):
            raise listed
        if not serving:
            return ()
        return (*serving, *(item for item in listed if item.id != serving[0].id))

    def _pages_state(self, component: Component) -> State:
        project = _project(component)
        canonical = _canonical(self._client.read(project))
        listed: list[dict[str, Any]] = []
        for page in range(1, _PAGES_READ + 1):
            got = self._client.read(f"{project}/deployments", env="production", page=page, per_page=_PAGE)
            listed += got
            if len(got) < _PAGE:
                break
        versions = [_pages_version(item) for item in listed]
        return State(component, (canonical,) if canonical else (), tuple(versions), history_complete=False)


def worker_state(
    component: Component, deployments: list[dict[str, Any]], versions: list[dict[str, Any]]
) -> State:
    """State from the API's lists, newest first, whoever fetched them."""
    return State(
        component,
        tuple(deployment_of(item) for item in deployments),
        tuple(version_of(item) for item in versions),
        history_complete=len(deployments) < DEPLOYMENTS_KEPT,
    )


def deployment_of(item: dict[str, Any]) -> Deployment:
    """A Worker's deployment as Cloudflare describes it (cloudflare.md, 2.3)."""
    return Deployment(
        id=item["id"],
        created=datetime.fromisoformat(item["created_on"]),
        shares=tuple((share["version_id"], float(share["percentage"])) for share in item["versions"]),
        author=item.get("author_email"),
        message=(item.get("annotations") or {}).get("workers/message"),
    )


def version_of(item: dict[str, Any]) -> Version:
    """A Worker's version as Cloudflare describes it (cloudflare.md, 2.2)."""
    annotations = item.get("annotations") or {}
    metadata = item["metadata"]
    return Version(
        id=item["id"],
        created=datetime.fromisoformat(metadata["created_on"]),
        tag=annotations.get("workers/tag") or None,
        message=annotations.get("workers/message") or None,
        author=metadata.get("author_email"),
        secret_only=annotations.get("workers/triggered_by") == "secret",
    )


def _pages_version(item: dict[str, Any]) -> Version:
    stage = item.get("latest_stage") or {}
    trigger = (item.get("deployment_trigger") or {}).get("metadata") or {}
    unfit = None
    if item.get("environment") != "production":
        unfit = "a preview"
    elif item.get("is_skipped") or (stage.get("name"), stage.get("status")) != ("deploy", "success"):
        unfit = f"not deployed (stage {stage.get('name')}: {stage.get('status')})"
    return Version(
        id=item["id"],
        created=datetime.fromisoformat(item["created_on"]),
        commit=trigger.get("commit_hash") or None,
        message=trigger.get("commit_message") or None,
        unfit=unfit,
        url=item.get("url"),
    )


def _canonical(project: dict[str, Any]) -> Deployment | None:
    item = project.get("canonical_deployment")
    return _built(item) if item else None


def _built(item: dict[str, Any]) -> Deployment:
    trigger = (item.get("deployment_trigger") or {}).get("metadata") or {}
    return Deployment(
        item["id"],
        datetime.fromisoformat(item["created_on"]),
        ((item["id"], 100.0),),
        message=trigger.get("commit_message") or None,
    )


def _script(component: Component) -> str:
    return f"workers/scripts/{quote(component.target, safe='')}"


def _project(component: Component) -> str:
    return f"pages/projects/{quote(component.target, safe='')}"
