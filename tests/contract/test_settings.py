"""What is around a version, read and put back at a local Cloudflare that the real wrangler deployed to."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local_cloudflare.launch import Instance, start
from plugins.module_utils.cloudflare.client import Client
from plugins.module_utils.cloudflare.errors import Refused
from plugins.module_utils.cloudflare.settings import (
    Settings,
    compare,
    fingerprint,
    put_back,
    read_all,
    read_settings,
)
from plugins.module_utils.release.model import Component
from tests.support.api import WORKER, Api
from tests.support.wrangler import VERSIONS, Wrangler, printed_id

ZONE = "mustbeviral.com"


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with start(tmp_path_factory.mktemp("settings") / "state", budget=100_000) as running:
        yield running


def worker(name: str) -> Component:
    return Component(name, "worker", name)


def deploy(wrangler: Wrangler, name: str, **config: Any) -> str:
    """A real deploy; the version id."""
    folder = wrangler.home / name
    folder.mkdir(exist_ok=True)
    (folder / "main.js").write_text(WORKER % name)
    basics = {"name": name, "main": "main.js", "compatibility_date": "2026-04-01"}
    (folder / "wrangler.json").write_text(json.dumps(basics | config))
    return printed_id(wrangler("deploy", "--config", str(folder / "wrangler.json")), "Current Version ID:")


def writes(api: Api, since: int) -> list[str]:
    return [call for call in api.calls(since, "knowngood") if not call.startswith("GET")]


def test_two_deploys_of_wrangler(instance: Instance, api: Api, client: Client, tmp_path: Path) -> None:
    wrangler, component = Wrangler(VERSIONS[0], instance, tmp_path), worker("around")
    store = api("POST", "A/storage/kv/namespaces", {"title": "around"})["id"]
    old = deploy(
        wrangler,
        "around",
        routes=[
            {"pattern": f"{ZONE}/around/*", "zone_name": ZONE},
            {"pattern": f"around.{ZONE}", "custom_domain": True},
        ],
        triggers={"crons": ["0 * * * *", "*/5 * * * *"]},
        vars={"MODE": "a value that nobody should see"},
        kv_namespaces=[{"binding": "STORE", "id": store}],
    )
    mark = api.mark()
    then = read_all(client, {component: old})["around"]
    assert len(api.calls(mark, "knowngood")) == 4  # three of the Worker, one of the account
    assert then == Settings(
        routes=(f"{ZONE}/around/* ({ZONE})",),
        domains=(f"around.{ZONE}",),
        crons=("*/5 * * * *", "0 * * * *"),
        bindings=(f"kv_namespace STORE -> {store}", "plain_text MODE"),
    )

    new = deploy(
        wrangler,
        "around",
        routes=[{"pattern": f"new.{ZONE}/*", "zone_name": ZONE}],
        triggers={"crons": ["0 0 * * *"]},
    )
    now = read_settings(client, component, new)
    found = {item.what: item for item in compare("around", then, now)}
    assert set(found) == {"route", "cron", "binding"}  # wrangler leaves a custom domain where it is
    assert (found["route"].then, found["route"].now) == (then.routes, (f"new.{ZONE}/* ({ZONE})",))
    assert fingerprint({"around": then}) != fingerprint({"around": now})

    assert put_back(client, component, then, ["cron"]) == ["cron"]
    assert read_settings(client, component, old).crons == then.crons
    assert read_settings(client, component, old).routes == now.routes
    assert put_back(client, component, then, ["cron", "route"]) == ["route"]
    assert compare("around", then, read_settings(client, component, old)) == []
    mark = api.mark()
    assert put_back(client, component, then, ["cron", "route"]) == []
    assert writes(api, mark) == []
    with pytest.raises(ValueError, match="only cron and route"):
        put_back(client, component, then, ["domain"])


@pytest.mark.parametrize(("phase", "written"), [("after", 1), ("before", 2)])
def test_a_lost_answer_is_read_back(api: Api, client: Client, phase: str, written: int) -> None:
    name = f"lost-{phase}"
    api.release(name, "r1")
    api.fault({"kind": "reset", "phase": phase, "match": {"method": "PUT", "path": "schedules"}, "count": 1})
    mark = api.mark()
    assert put_back(client, worker(name), Settings(crons=("0 * * * *",)), ["cron"]) == ["cron"]
    assert len(writes(api, mark)) == written
    schedules = api("GET", f"A/workers/scripts/{name}/schedules")["schedules"]
    assert [item["cron"] for item in schedules] == ["0 * * * *"]


def test_a_route_is_not_taken_from_another_worker(api: Api, client: Client) -> None:
    for name in ("loser", "owner"):
        api.release(name, "r1")
    pattern = f"{ZONE}/contested/*"
    api("PUT", "A/workers/scripts/owner/routes", [{"pattern": pattern}])
    with pytest.raises(Refused, match="already exists"):
        put_back(client, worker("loser"), Settings(routes=(f"{pattern} ({ZONE})",)), ["route"])
    assert [route["pattern"] for route in api("GET", "A/workers/scripts/owner/routes")] == [pattern]


def test_secrets_are_names(api: Api, client: Client) -> None:
    api.release("secretive", "r1")
    api(
        "PUT", "A/workers/scripts/secretive/secrets", {"name": "KEY", "text": "canary", "type": "secret_text"}
    )
    live = api.live("secretive")["versions"][0]["version_id"]
    found = read_settings(client, worker("secretive"), live)
    assert found.secrets == ("KEY",) and "canary" not in str(found)


def test_the_durable_object_migration(api: Api, client: Client) -> None:
    versions = [
        api.upload("objects", "r1", first=True),
        api.upload(
            "objects", "r2", first=True, migrations={"new_tag": "v1", "steps": [{"new_classes": ["Room"]}]}
        ),
    ]
    assert [read_settings(client, worker("objects"), id_).migration for id_ in versions] == [None, "v1"]


def test_a_pages_project(api: Api, client: Client) -> None:
    variables = {
        "MODE": {"type": "plain_text", "value": "plain"},
        "KEY": {"type": "secret_text", "value": "canary"},
        "GONE": None,
    }
    production = {"env_vars": variables, "d1_databases": {"DB": {"id": "1234"}}}
    api("POST", "A/pages/projects", {"name": "site", "deployment_configs": {"production": production}})
    api("POST", "A/pages/projects/site/domains", {"name": f"site.{ZONE}"})
    assert "canary" not in api.raw("GET", "A/pages/projects/site").text
    mark = api.mark()
    found = read_settings(client, Component("pages", "pages", "site"), "any")
    assert api.calls(mark, "knowngood") == ["GET A/pages/projects/site"]
    assert found == Settings(
        domains=(f"site.{ZONE}", "site.pages.dev"),
        secrets=("KEY",),
        bindings=("d1 DB -> 1234", "plain_text MODE"),
    )


def test_what_is_not_there_is_an_error_in_words(client: Client) -> None:
    with pytest.raises(Refused, match="does not exist"):
        read_settings(client, worker("nobody"), "00000000-0000-0000-0000-000000000000")
