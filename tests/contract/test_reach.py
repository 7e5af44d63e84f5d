"""Whether a version can serve again: what is said before agrees with what Cloudflare says at the switch."""

from dataclasses import replace
from pathlib import Path

import pytest

from local_cloudflare.launch import Instance
from plugins.module_utils.cloudflare.client import Client
from plugins.module_utils.cloudflare.errors import Refused
from plugins.module_utils.cloudflare.reach import Reach
from plugins.module_utils.release.model import Component
from tests.support.api import Api
from tests.support.client import client_of
from tests.support.pages import deploy
from tests.support.workers import new_name


@pytest.fixture
def api(shared_api: Api) -> Api:
    return shared_api


@pytest.fixture
def client(shared: Instance, tmp_path: Path) -> Client:
    return client_of(shared, tmp_path)


def why(client: Client, name: str, target: str, live: str | None) -> str | None:
    return Reach(client).why_unreachable({Component(name, "worker", name): (target, live)}).get(name)


def is_refused(api: Api, script: str, version: str) -> bool:
    body = {"strategy": "percentage", "versions": [{"version_id": version, "percentage": 100}]}
    return api.raw("POST", f"A/workers/scripts/{script}/deployments", json=body).status_code >= 400


def bound_then_free(api: Api, name: str, *bindings: dict[str, str]) -> tuple[str, str]:
    """A version with the bindings, and the live one without."""
    old = api.upload(name, "r1", first=True, bindings=list(bindings))
    new = api.upload(name, "r2")
    api.deploy(name, new)
    return old, new


def test_what_is_there_can_be_reached(api: Api, client: Client) -> None:
    name, callee = new_name("reach"), new_name("callee")
    api.release(callee, "r1")
    store = api("POST", "A/storage/kv/namespaces", {"title": name})["id"]
    base = api("POST", "A/d1/database", {"name": name})["uuid"]
    old, new = bound_then_free(
        api,
        name,
        {"type": "kv_namespace", "name": "STORE", "namespace_id": store},
        {"type": "d1", "name": "DB", "id": base},
        {"type": "service", "name": "CALLEE", "service": callee},
        {"type": "service", "name": "SELF", "service": name},
        {"type": "plain_text", "name": "MODE", "text": "x"},
    )
    assert why(client, name, old, new) is None
    assert not is_refused(api, name, old)


def test_a_deleted_kv_namespace_and_a_deleted_database(api: Api, client: Client) -> None:
    name = new_name("reach")
    store = api("POST", "A/storage/kv/namespaces", {"title": name})["id"]
    base = api("POST", "A/d1/database", {"name": name})["uuid"]
    old, new = bound_then_free(
        api,
        name,
        {"type": "kv_namespace", "name": "STORE", "namespace_id": store},
        {"type": "d1", "name": "DB", "id": base},
    )
    api("DELETE", f"A/storage/kv/namespaces/{store}")
    api("DELETE", f"A/d1/database/{base}")
    said = why(client, name, old, new)
    assert said == (
        f"{old} is bound to what is not there any more:"
        f" KV namespace {store} (binding STORE), D1 database {base} (binding DB)"
    )
    assert is_refused(api, name, old)


def test_a_deleted_worker(api: Api, client: Client) -> None:
    name, callee = new_name("reach"), new_name("callee")
    api.release(callee, "r1")
    old, new = bound_then_free(api, name, {"type": "service", "name": "CALLEE", "service": callee})
    api("DELETE", f"A/workers/scripts/{callee}")
    assert f"Worker {callee} (binding CALLEE)" in str(why(client, name, old, new))


def test_a_migration_in_between(api: Api, client: Client) -> None:
    name = new_name("reach")
    old = api.upload(name, "r1", first=True)
    migrations = {"new_tag": "v1", "steps": [{"new_classes": ["Room"]}]}
    new = api.upload(name, "r2", first=True, migrations=migrations)
    later = api.upload(name, "r3")
    assert str(why(client, name, old, new)).startswith(
        f"a Durable Object migration lies between {old} (none)"
    )
    assert is_refused(api, name, old)
    assert why(client, name, later, new) is None
    assert not is_refused(api, name, later)


def test_a_version_that_cloudflare_does_not_know(api: Api, client: Client) -> None:
    name, unknown = new_name("reach"), "00000000-0000-0000-0000-000000000000"
    (live,) = api.release(name, "r1")
    assert why(client, name, unknown, live) == f"Cloudflare does not know version {unknown} any more"
    assert why(client, name, live, None) is None


def test_a_wrong_token_says_nothing_about_versions(shared: Instance, api: Api, tmp_path: Path) -> None:
    name = new_name("reach")
    (live,) = api.release(name, "r1")
    stranger = client_of(replace(shared, api_token="x" * 40), tmp_path)
    with pytest.raises(Refused, match=r"code (9109|10000)"):
        why(stranger, name, live, live)


def test_a_pages_deployment(api: Api, client: Client) -> None:
    site = Component("pages", "pages", new_name("reach-site"))
    api("POST", "A/pages/projects", {"name": site.target})
    old, new = (deploy(api, site.target, {"/index.html": text})["id"] for text in ("one", "two"))
    assert Reach(client).why_unreachable({site: (old, new)}) == {}
    api("DELETE", f"A/pages/projects/{site.target}/deployments/{old}")
    said = Reach(client).why_unreachable({site: (old, new)})
    assert said == {"pages": f"Cloudflare does not know deployment {old} any more"}


def test_many_candidates_cost_few_calls(api: Api, client: Client) -> None:
    store = api("POST", "A/storage/kv/namespaces", {"title": new_name("shared")})["id"]
    binding = {"type": "kv_namespace", "name": "STORE", "namespace_id": store}
    moves = {}
    for _ in range(4):
        name = new_name("reach")
        moves[Component(name, "worker", name)] = bound_then_free(api, name, binding)
    reach, mark = Reach(client), api.mark()
    assert reach.why_unreachable(moves) == {}
    asked = api.calls(mark, "knowngood")
    assert len([call for call in asked if "/versions/" in call]) == 2 * len(moves)
    assert len([call for call in asked if "/kv/" in call]) == 1  # one page has what all of them are bound to
    assert reach.why_unreachable(moves) == {}
    assert api.calls(mark, "knowngood") == asked


def test_what_may_not_be_asked_is_not_held_against_a_version(api: Api, client: Client) -> None:
    """The local Cloudflare has neither queues nor buckets, so that it refuses the question."""
    name = new_name("reach")
    old, new = bound_then_free(
        api,
        name,
        {"type": "queue", "name": "JOBS", "queue_name": "jobs"},
        {"type": "r2_bucket", "name": "FILES", "bucket_name": "files"},
    )
    mark = api.mark()
    assert why(client, name, old, new) is None
    asked = api.calls(mark, "knowngood")
    assert {"GET A/queues?name=jobs", "GET A/r2/buckets/files"} < set(asked)
