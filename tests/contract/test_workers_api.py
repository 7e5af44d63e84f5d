"""The Workers API of the local Cloudflare, by plain HTTP: what cloudflare.md sections 1 and 2 say it does."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import requests

from local_cloudflare.launch import Instance
from tests.support.api import WORKER, Api

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
MIGRATION = {"new_tag": "v1", "steps": [{"new_classes": ["Room"]}]}
ROOM = {"type": "durable_object_namespace", "name": "ROOM", "class_name": "Room"}


@pytest.fixture
def api(shared_api: Api) -> Api:
    return shared_api


def split(*shares: tuple[str, float], **more: Any) -> dict[str, Any]:
    versions = [{"version_id": version, "percentage": share} for version, share in shares]
    return {"strategy": "percentage", "versions": versions, **more}


def refused(answer: requests.Response) -> tuple[int, int]:
    """Status and code of a refusal."""
    body = answer.json()
    assert body["success"] is False and body["result"] is None
    return answer.status_code, body["errors"][0]["code"]


def put(api: Api, name: str, **metadata: Any) -> requests.Response:
    files = {
        "metadata": (None, json.dumps({"main_module": "main.js", **metadata})),
        "main.js": ("main.js", WORKER % name, "application/javascript+module"),
    }
    return api.raw("PUT", f"A/workers/scripts/{name}?bindings_inherit=strict", files=files)


def secret(api: Api, name: str, key: str, text: str) -> None:
    api("PUT", f"A/workers/scripts/{name}/secrets", {"name": key, "text": text, "type": "secret_text"})


def deployments(api: Api, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api("GET", f"A/workers/scripts/{name}/deployments")["deployments"]
    return found


def versions(api: Api, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api("GET", f"A/workers/scripts/{name}/versions?deployable=true")["items"]
    return found


# --- scripts


def test_unknown_worker(api: Api, name: str) -> None:
    assert refused(api.raw("GET", f"A/workers/services/{name}")) == (404, 10090)
    for path in ("deployments", "versions", "settings", "secrets", "script-settings", "subdomain"):
        assert refused(api.raw("GET", f"A/workers/scripts/{name}/{path}")) == (404, 10007), path
    assert refused(api.raw("GET", f"A/workers/workers/{name}")) == (404, 10007)


def test_first_deploy(api: Api, name: str) -> None:
    result = put(api, name, annotations={"workers/message": "first", "workers/tag": "r1"}).json()["result"]
    assert re.fullmatch("[0-9a-f]{32}", result["deployment_id"])
    assert result["startup_time_ms"] >= 0 and result["etag"]
    version = api("GET", f"A/workers/scripts/{name}/versions/{result['deployment_id']}")
    assert version["id"].replace("-", "") == result["deployment_id"]
    assert UUID.fullmatch(version["id"]) and version["number"] == 1
    assert version["annotations"] == {
        "workers/message": "first",
        "workers/tag": "r1",
        "workers/triggered_by": "upload",
    }
    (live,) = deployments(api, name)
    assert live["versions"] == [{"version_id": version["id"], "percentage": 100}]
    assert live["annotations"]["workers/triggered_by"] == "upload"
    service = api("GET", f"A/workers/services/{name}")["default_environment"]
    assert (service["environment"], service["script"]["last_deployed_from"]) == ("production", "api")
    assert name in [script["id"] for script in api("GET", "A/workers/scripts")]


def test_second_put_is_a_version_and_a_deployment(api: Api, name: str) -> None:
    put(api, name)
    put(api, name)
    assert [version["number"] for version in versions(api, name)] == [2, 1]
    assert len(deployments(api, name)) == 2


def test_delete(api: Api, name: str) -> None:
    api.release(name, "r1", "r2")
    api("DELETE", f"A/workers/services/{name}?force=false")
    assert refused(api.raw("GET", f"A/workers/scripts/{name}/deployments")) == (404, 10007)


@pytest.mark.parametrize(
    ("metadata", "code"),
    [
        ({"main_module": "other.js"}, 10021),
        ({"main_module": None, "body_part": "main.js"}, 10999),
        ({"bindings": [{"name": "X"}]}, 10021),
        ({"bindings": "X"}, 10021),
        ({"bindings": [{"type": "service", "name": "S", "service": "nobody"}]}, 10143),
        ({"bindings": [{"type": "inherit", "name": "X"}]}, 10057),
        ({"bindings": [ROOM]}, 10061),
        ({"code_update_strategy": {"mode": "sometime"}}, 10021),
        ({"annotations": ["x"]}, 10021),
    ],
)
def test_refused_uploads(api: Api, name: str, metadata: dict[str, Any], code: int) -> None:
    assert refused(put(api, name, **metadata)) == (400, code)
    assert refused(api.raw("GET", f"A/workers/services/{name}")) == (404, 10090), "nothing is left behind"


def test_bodies_that_are_no_uploads(api: Api, name: str) -> None:
    path = f"A/workers/scripts/{name}"
    assert refused(api.raw("PUT", path, data=b"nonsense")) == (400, 10021)
    assert refused(api.raw("PUT", path, files={"metadata": (None, "{")})) == (400, 10021)
    assert refused(api.raw("PUT", "A/workers/scripts/Bad%20Name", files={"metadata": (None, "{}")})) == (
        400,
        10016,
    )
    broken = {"content-type": "multipart/form-data; boundary=x"}
    assert refused(api.raw("PUT", path, data=b"--y\r\n", headers=broken))[0] == 400


# --- versions


def test_upload_does_not_deploy(api: Api, name: str) -> None:
    (first,) = api.release(name, "r1")
    second = api.upload(name, "r2", annotations={"workers/tag": "r2", "workers/message": "second"})
    assert api.live(name)["versions"][0]["version_id"] == first
    version = api("GET", f"A/workers/scripts/{name}/versions/{second}")
    assert version["annotations"]["workers/triggered_by"] == "version_upload"
    metadata = version["metadata"]
    assert MOMENT.fullmatch(metadata["created_on"]) and "@" in metadata["author_email"]
    assert metadata["source"] == "api"
    resources = version["resources"]
    assert resources["script"]["etag"] and resources["bindings"] == []
    assert resources["script_runtime"]["compatibility_date"] == "2026-04-01"
    thin = versions(api, name)[0]
    assert set(thin) == {"id", "number", "metadata", "annotations"} and thin["id"] == second


def test_source_follows_the_user_agent(api: Api, name: str) -> None:
    (first,) = api.release(name, "r1")
    body = split((first, 100))
    agent = {"user-agent": "wrangler/4.164.0"}
    assert api("POST", f"A/workers/scripts/{name}/deployments", body, headers=agent)["source"] == "wrangler"


def test_unknown_version(api: Api, name: str) -> None:
    (first,) = api.release(name, "r1")
    other = first[:-1] + ("0" if first[-1] != "0" else "1")
    assert refused(api.raw("GET", f"A/workers/scripts/{name}/versions/{other}")) == (404, 10007)
    answer = api.raw("POST", f"A/workers/scripts/{name}/deployments", json=split((other, 100)))
    assert refused(answer) == (404, 10007)


def test_version_lists(api: Api, name: str) -> None:
    api.release(name, "r1")
    for number in range(2, 13):
        api.upload(name, f"r{number}")
    path = f"A/workers/scripts/{name}/versions"
    deployable = api.raw("GET", path + "?deployable=true&per_page=3").json()
    assert [item["number"] for item in deployable["result"]["items"]] == list(range(12, 0, -1))
    assert api("GET", path + "?deployable=true&page=2") == {"items": []}
    second = api.raw("GET", path + "?page=2&per_page=5").json()
    assert [item["number"] for item in second["result"]["items"]] == [7, 6, 5, 4, 3]
    assert second["result_info"]["total_count"] == 12


def test_only_the_last_hundred_versions_are_deployable(api: Api, name: str) -> None:
    (first,) = api.release(name, "r1")
    (second,) = [api.upload(name, "r2")]
    for _ in range(99):
        api.upload(name, "more")
    assert len(versions(api, name)) == 100
    path = f"A/workers/scripts/{name}/deployments"
    assert refused(api.raw("POST", path, json=split((first, 100)))) == (400, 10999)
    assert api("POST", path, split((second, 100)))["versions"][0]["version_id"] == second


def test_secrets_are_never_shown(api: Api, name: str) -> None:
    bindings = [
        {"type": "secret_text", "name": "KEY", "text": "canary-value"},
        {"type": "plain_text", "name": "V", "text": "shown"},
    ]
    put(api, name, bindings=bindings)
    version = api.live(name)["versions"][0]["version_id"]
    for path in (f"versions/{version}", "settings", "secrets", "versions"):
        assert "canary-value" not in api.raw("GET", f"A/workers/scripts/{name}/{path}").text
    shown = api("GET", f"A/workers/scripts/{name}/versions/{version}")["resources"]["bindings"]
    assert shown == [{"name": "KEY", "type": "secret_text"}, bindings[1]]


def test_keep_and_inherit(api: Api, name: str) -> None:
    kept = {"type": "secret_text", "name": "KEY", "text": "x"}
    put(api, name, bindings=[kept, {"type": "plain_text", "name": "V", "text": "1"}])
    version = api.upload(
        name, "r2", bindings=[{"type": "inherit", "name": "V"}], keep_bindings=["secret_text"]
    )
    shown = api("GET", f"A/workers/scripts/{name}/versions/{version}")["resources"]["bindings"]
    assert {"type": "plain_text", "name": "V", "text": "1"} in shown
    assert {"name": "KEY", "type": "secret_text"} in shown
    bare = api.upload(name, "r3")
    shown = api("GET", f"A/workers/scripts/{name}/versions/{bare}")["resources"]["bindings"]
    assert shown == [{"name": "KEY", "type": "secret_text"}], "secrets stay when nothing is said of them"
    none = api.upload(name, "r4", keep_bindings=[])
    assert api("GET", f"A/workers/scripts/{name}/versions/{none}")["resources"]["bindings"] == []


def test_content_is_what_was_uploaded(api: Api, name: str) -> None:
    (first,) = api.release(name, "r1")
    api.upload(name, "r2")
    answer = api.raw("GET", f"A/workers/scripts/{name}/content/v2?version={first}")
    assert answer.headers["cf-entrypoint"] == "main.js"
    assert WORKER % "r1" in answer.text
    assert WORKER % "r2" in api.raw("GET", f"A/workers/scripts/{name}/content/v2").text


# --- deployments


def test_deploy(api: Api, name: str) -> None:
    first, second = api.release(name, "r1", "r2")
    made = api("POST", f"A/workers/scripts/{name}/deployments", split((first, 100)))
    assert UUID.fullmatch(made["id"]) and MOMENT.fullmatch(made["created_on"])
    assert made["strategy"] == "percentage" and "@" in made["author_email"]
    assert made["annotations"] == {"workers/triggered_by": "deployment"}
    assert made["code_update_strategy"] == {"mode": "deferred", "max_delay": 300}
    assert [item["versions"][0]["version_id"] for item in deployments(api, name)] == [first, second, first]
    assert api("GET", f"A/workers/scripts/{name}/deployments/{made['id']}") == made == api.live(name)


def test_split_and_zero_percent(api: Api, name: str) -> None:
    first, second = api.release(name, "r1", "r2")
    path = f"A/workers/scripts/{name}/deployments"
    for shares in ((90, 10), (100, 0), (99.5, 0.5), (33.3, 66.7)):
        made = api("POST", path, split((first, shares[0]), (second, shares[1])))
        assert [item["percentage"] for item in made["versions"]] == list(shares)
    bad = [
        split((first, 99)),
        split((first, 60), (second, 60)),
        split((first, 100), (first, 0)),
        split((first, 101), (second, -1)),
        split(),
        split((first, 30), (second, 30), (first, 40)),
        {"versions": [{"version_id": first, "percentage": 100}]},
        split((first, 100)) | {"versions": [first]},
    ]
    for body in bad:
        assert refused(api.raw("POST", path, json=body)) == (400, 10021), body


def test_ten_deployments_are_kept(api: Api, name: str) -> None:
    first, second = api.release(name, "r1", "r2")
    oldest = deployments(api, name)[-1]["id"]
    for number in range(10):
        api.deploy(name, (first, second)[number % 2])
    assert len(deployments(api, name)) == 10
    assert refused(api.raw("GET", f"A/workers/scripts/{name}/deployments/{oldest}")) == (404, 10007)
    assert len(versions(api, name)) == 2, "versions outlive their deployments"


def test_message_is_cut_at_1000_bytes(api: Api, name: str) -> None:
    (first,) = api.release(name, "r1")
    made = api.deploy(name, first, annotations={"workers/message": "é" * 501})
    assert made["annotations"]["workers/message"] == "é" * 500


def test_code_update_strategy(api: Api, name: str) -> None:
    (first,) = api.release(name, "r1")
    for given in ({"mode": "immediate"}, {"mode": "deferred", "max_delay": 0}):
        assert api.deploy(name, first, code_update_strategy=given)["code_update_strategy"] == given
        assert api.live(name)["code_update_strategy"] == given
    for bad in (
        {"mode": "deferred", "max_delay": 86_401},
        {"mode": "x"},
        "immediate",
        {"mode": "immediate", "x": 1},
    ):
        body = split((first, 100), code_update_strategy=bad)
        assert refused(api.raw("POST", f"A/workers/scripts/{name}/deployments", json=body)) == (400, 10021)


def test_delete_deployment(api: Api, name: str) -> None:
    api.release(name, "r1", "r2")
    live, older = deployments(api, name)
    path = f"A/workers/scripts/{name}/deployments/"
    assert refused(api.raw("DELETE", path + live["id"])) == (400, 10999)
    api("DELETE", path + older["id"])
    assert [item["id"] for item in deployments(api, name)] == [live["id"]]


# --- secrets


def test_a_secret_makes_a_version_and_a_deployment(api: Api, name: str) -> None:
    api.release(name, "r1")
    secret(api, name, "KEY", "1")
    newest, live = versions(api, name)[0], api.live(name)
    assert newest["number"] == 2 and newest["annotations"] == {"workers/triggered_by": "secret"}
    assert live["versions"] == [{"version_id": newest["id"], "percentage": 100}]
    assert live["annotations"] == {"workers/triggered_by": "secret"}
    assert api("GET", f"A/workers/scripts/{name}/secrets") == [{"name": "KEY", "type": "secret_text"}]
    api("DELETE", f"A/workers/scripts/{name}/secrets/KEY?url_encoded=true")
    assert api("GET", f"A/workers/scripts/{name}/secrets") == []
    assert len(deployments(api, name)) == 3


def test_nine_secrets_evict_the_release(api: Api, name: str) -> None:
    (first,) = api.release(name, "r1")
    for number in range(10):
        secret(api, name, f"KEY{number}", "x")
    live = {item["version_id"] for deployment in deployments(api, name) for item in deployment["versions"]}
    assert first not in live
    assert first in [version["id"] for version in versions(api, name)]


def test_bulk_secrets(api: Api, name: str) -> None:
    api.release(name, "r1")
    secret(api, name, "OLD", "1")
    patch = {"secrets": {"A": {"name": "A", "text": "1", "type": "secret_text"}, "OLD": None}}
    assert api("PATCH", f"A/workers/scripts/{name}/secrets-bulk", patch) == {
        "A": {"name": "A", "type": "secret_text"}
    }
    assert len(deployments(api, name)) == 3


def test_settings_patch_keeps_what_it_names_and_sets_secrets(api: Api, name: str) -> None:
    put(api, name, bindings=[{"type": "plain_text", "name": "V", "text": "1"}])
    wanted = [{"type": "plain_text", "name": "V"}, {"type": "secret_text", "name": "A", "text": "1"}]
    files = {"settings": (None, json.dumps({"bindings": wanted}))}
    answer = api.raw("PATCH", f"A/workers/scripts/{name}/settings", files=files)
    assert answer.json()["result"]["bindings"] == [
        {"type": "plain_text", "name": "V", "text": "1"},
        {"name": "A", "type": "secret_text"},
    ]
    assert api.live(name)["annotations"] == {"workers/triggered_by": "secret"}


def test_secrets_need_the_newest_version_deployed(api: Api, name: str) -> None:
    first, _ = api.release(name, "r1", "r2")
    api.deploy(name, first)
    path = f"A/workers/scripts/{name}"
    body = {"name": "K", "text": "1", "type": "secret_text"}
    assert refused(api.raw("PUT", path + "/secrets", json=body)) == (400, 10215)
    assert refused(api.raw("PATCH", path + "/secrets-bulk", json={"secrets": {"K": body}})) == (400, 10214)
    patch = {"env": {"K": {"type": "secret_text", "text": "1"}}, "annotations": {"workers/tag": "t"}}
    newest = api("PATCH", f"A/workers/workers/{name}/versions/latest", patch)
    assert newest["annotations"] == {"workers/tag": "t", "workers/triggered_by": "secret"}
    assert api.live(name)["versions"][0]["version_id"] == first


def test_rollback_across_a_secret_change(api: Api, name: str) -> None:
    (first,) = api.release(name, "r1")
    secret(api, name, "BETA", "1")
    secret(api, name, "ALPHA", "1")
    path = f"A/workers/scripts/{name}/deployments"
    for body in (split((first, 100)), split((api.live(name)["versions"][0]["version_id"], 100), (first, 0))):
        answer = api.raw("POST", path, json=body)
        assert refused(answer) == (400, 10220)
        message = answer.json()["errors"][0]["message"]
        assert "?force=true" in message
        assert message.split("The following secrets have changed: ")[1].split(", ") == ["ALPHA", "BETA"]
    assert api.live(name)["annotations"]["workers/triggered_by"] == "secret"
    assert api.deploy(name, first, force=True)["versions"][0]["version_id"] == first
    forward = versions(api, name)[0]["id"]
    assert api.deploy(name, forward)["versions"][0]["version_id"] == forward, "newer versions need no force"


def test_a_secret_that_was_rolled_back_returns_with_the_next_deploy(api: Api, name: str) -> None:
    first, second = api.release(name, "r1", "r2")
    secret(api, name, "ALPHA", "1")
    path = f"A/workers/scripts/{name}"
    api.deploy(name, second, force=True)
    # Between versions from before the change nothing is refused, and no secret can be set.
    api.deploy(name, first)
    body = {"name": "ALPHA", "text": "2", "type": "secret_text"}
    assert refused(api.raw("PUT", path + "/secrets", json=body)) == (400, 10215)
    api.release(name, "r3")
    assert refused(api.raw("POST", path + "/deployments", json=split((second, 100)))) == (400, 10220)


def test_equal_secrets_need_no_force(api: Api, name: str) -> None:
    (first,) = api.release(name, "r1")
    secret(api, name, "KEY", "1")
    api("DELETE", f"A/workers/scripts/{name}/secrets/KEY")
    assert api.deploy(name, first)


# --- Durable Object migrations


def test_migrations(api: Api, name: str) -> None:
    (first,) = api.release(name, "r1")
    assert put(api, name, bindings=[ROOM], migrations=MIGRATION).ok
    second = api.live(name)["versions"][0]["version_id"]
    scripts = {item["id"]: item for item in api("GET", "A/workers/scripts")}
    assert scripts[name]["migration_tag"] == "v1"
    namespaces = api("GET", "A/workers/durable_objects/namespaces")
    assert [(n["class"], n["use_sqlite"]) for n in namespaces if n["script"] == name] == [("Room", False)]
    assert refused(api.raw("POST", f"A/workers/scripts/{name}/deployments", json=split((first, 100)))) == (
        400,
        10999,
    )
    third = api.upload(name, "r3", bindings=[ROOM])
    api.deploy(name, third)
    assert api.deploy(name, second), "no migration lies between these two"
    assert refused(put(api, name, migrations={"old_tag": "v0", "new_tag": "v2", "steps": []})) == (412, 10079)
    assert put(api, name, bindings=[ROOM], migrations=MIGRATION).ok, "the same tag again changes nothing"
    assert api.deploy(name, second)


def test_a_deleted_kv_namespace_blocks_the_versions_bound_to_it(api: Api, name: str) -> None:
    namespace = api("POST", "A/storage/kv/namespaces", {"title": name})["id"]
    bindings = [{"type": "kv_namespace", "name": "KV", "namespace_id": namespace}]
    assert put(api, name, bindings=bindings).ok
    first = api.live(name)["versions"][0]["version_id"]
    second = api.upload(name, "r2")
    api.deploy(name, second)
    assert api.deploy(name, first)
    api.deploy(name, second)
    api("DELETE", f"A/storage/kv/namespaces/{namespace}")
    body = split((first, 100))
    assert refused(api.raw("POST", f"A/workers/scripts/{name}/deployments", json=body)) == (400, 10041)
    assert refused(put(api, name, bindings=bindings)) == (400, 10041)


def test_a_version_cannot_carry_a_migration(api: Api, name: str) -> None:
    api.release(name, "r1")
    files = {
        "metadata": (None, json.dumps({"main_module": "main.js", "migrations": MIGRATION})),
        "main.js": ("main.js", WORKER % "x", "application/javascript+module"),
    }
    assert refused(api.raw("POST", f"A/workers/scripts/{name}/versions", files=files)) == (400, 10211)


# --- settings and triggers


def test_script_settings(api: Api, name: str) -> None:
    put(api, name, tags=["cf:service=x"], logpush=True)
    path = f"A/workers/scripts/{name}/script-settings"
    assert api("GET", path)["tags"] == ["cf:service=x"]
    assert api("PATCH", path, {"observability": {"enabled": True}})["observability"] == {"enabled": True}
    assert api("GET", path)["logpush"] is True
    assert len(versions(api, name)) == 1, "script settings are no part of a version"
    assert refused(api.raw("PATCH", path, json={"colour": "red"})) == (400, 10021)


def test_subdomain(api: Api, name: str) -> None:
    put(api, name)
    path = f"A/workers/scripts/{name}/subdomain"
    assert api("GET", path) == {"enabled": False, "previews_enabled": False}
    assert api("POST", path, {"enabled": True})["enabled"] is True
    worker = api("GET", f"A/workers/workers/{name}")
    assert worker["name"] == name and worker["subdomain"]["enabled"] is True
    assert worker["subdomain"]["url"].endswith(
        api("GET", "A/workers/subdomain")["subdomain"] + ".workers.dev"
    )


def test_routes(api: Api, shared: Instance, new_name: Callable[[], str]) -> None:
    one, other = new_name(), new_name()
    zone = shared.zones["mustbeviral.com"]
    put(api, one)
    put(api, other)
    wanted = [
        {"pattern": f"{one}.mustbeviral.com/*", "zone_name": "mustbeviral.com"},
        {"pattern": f"*/{one}/*", "zone_name": "mustbeviral.com"},
    ]
    assert len(api("PUT", f"A/workers/scripts/{one}/routes", wanted)) == 2
    assert refused(api.raw("PUT", f"A/workers/scripts/{other}/routes", json=wanted)) == (409, 10020)
    api("PUT", f"A/workers/scripts/{one}/routes", wanted[:1])
    found = [r for r in api("GET", f"/zones/{zone}/workers/routes") if r["script"] == one]
    assert [route["pattern"] for route in found] == [f"{one}.mustbeviral.com/*"]
    made = api("POST", f"/zones/{zone}/workers/routes", {"pattern": f"*/{one}/*", "script": other})
    api("PUT", f"/zones/{zone}/workers/routes/{made['id']}", {"pattern": f"*/{one}/*", "script": one})
    assert len(api("GET", f"A/workers/scripts/{one}/routes")) == 2
    api("DELETE", f"/zones/{zone}/workers/routes/{made['id']}")
    assert len(api("GET", f"A/workers/scripts/{one}/routes")) == 1
    strange = [{"pattern": "example.org/*"}]
    assert refused(api.raw("PUT", f"A/workers/scripts/{one}/routes", json=strange)) == (400, 10082)
    assert len(api("GET", f"A/workers/scripts/{one}/routes")) == 1, "a refused change changes nothing"


def test_custom_domains(api: Api, name: str) -> None:
    put(api, name)
    host = f"{name}.mustbeviral.com"
    assert api("PUT", "A/workers/domains", {"hostname": host, "service": name})["hostname"] == host
    (found,) = api("GET", f"A/workers/domains?service={name}")
    assert found["zone_name"] == "mustbeviral.com"
    origins = [{"hostname": "x-" + host}]
    change = api("POST", f"A/workers/scripts/{name}/domains/changeset?replace_state=true", origins)
    assert [len(change[key]) for key in ("added", "removed", "updated")] == [1, 1, 0]
    api("PUT", f"A/workers/scripts/{name}/domains/records", {"origins": origins})
    (found,) = api("GET", f"A/workers/domains?service={name}")
    assert found["hostname"] == "x-" + host
    api("DELETE", f"A/workers/domains/{found['id']}")
    assert api("GET", f"A/workers/domains?service={name}") == []


def test_schedules(api: Api, name: str) -> None:
    put(api, name)
    path = f"A/workers/scripts/{name}/schedules"
    assert api("GET", path) == {"schedules": []}
    (made,) = api("PUT", path, [{"cron": "*/5 * * * *"}])["schedules"]
    assert made["cron"] == "*/5 * * * *"
    assert refused(api.raw("PUT", path, json=[{"cron": "often"}]))[0] == 400


def test_the_edge_gets_code_bindings_and_secrets(api: Api, shared: Instance, name: str) -> None:
    put(
        api,
        name,
        bindings=[{"type": "secret_text", "name": "KEY", "text": "s"}],
        annotations={"workers/tag": "r1"},
    )
    version = api.live(name)["versions"][0]["version_id"]
    url = f"{shared.admin_url}/internal/workers/{name}/versions/{version}"
    document = requests.get(url, timeout=5).json()
    assert document["modules"] == {"main.js": {"type": "esm", "body": WORKER % name}}
    assert document["bindings"] == [{"type": "secret_text", "name": "KEY", "text": "s"}]
    assert (document["main_module"], document["tag"], document["id"]) == ("main.js", "r1", version)


WRONG: list[Any] = [
    True, 1, "x", ["x"], [None], [[]], [{}], [{"name": 1, "type": 2}], [{"type": {}, "name": "x"}],
    {"x": "y"}, {"x": {}}, {"steps": "x"}, {"steps": ["x"]}, {"steps": [{"renamed_classes": [{}]}]},
    {"steps": [{"new_classes": [{}]}]}, {"mode": []}, {"workers/message": {}},
]  # fmt: skip
METADATA = (
    "annotations", "bindings", "code_update_strategy", "compatibility_date", "compatibility_flags",
    "keep_bindings", "main_module", "migrations", "observability", "tags",
)  # fmt: skip
BODIES: list[tuple[str, str, Callable[[Any], Any]]] = [
    ("POST", "scripts/{}/deployments", lambda x: x),
    ("POST", "scripts/{}/deployments", lambda x: {"strategy": "percentage", "versions": x}),
    ("POST", "scripts/{}/deployments", lambda x: split(("x", x))),
    ("POST", "scripts/{}/deployments", lambda x: split(("x", 100), annotations=x)),
    ("PUT", "scripts/{}/secrets", lambda x: x),
    ("PUT", "scripts/{}/secrets", lambda x: {"name": "K", "text": x, "type": x}),
    ("PATCH", "scripts/{}/secrets-bulk", lambda x: {"secrets": x}),
    ("PATCH", "workers/{}/versions/latest", lambda x: {"env": x, "annotations": x}),
    ("PATCH", "scripts/{}/script-settings", lambda x: x),
    ("PATCH", "scripts/{}/script-settings", lambda x: {"tags": x}),
    ("POST", "scripts/{}/subdomain", lambda x: {"enabled": x}),
    ("PUT", "scripts/{}/routes", lambda x: x),
    ("PUT", "scripts/{}/routes", lambda x: [{"pattern": x, "zone_name": x}]),
    ("PUT", "scripts/{}/domains/records", lambda x: {"origins": x}),
    ("POST", "scripts/{}/domains/changeset", lambda x: x),
    ("PUT", "scripts/{}/schedules", lambda x: [{"cron": x}]),
    ("PUT", "domains", lambda x: {"hostname": x, "service": x}),
]


def test_nonsense_is_refused_and_never_an_error_of_the_server(api: Api, name: str) -> None:
    api.release(name, "r1")
    for value in WRONG:
        for key in METADATA:
            answer = put(api, name, **{"main_module": "main.js", key: value})
            assert answer.status_code < 500, (key, value)
        for method, path, body in BODIES:
            answer = api.raw(method, "A/workers/" + path.format(name), json=body(value))
            assert answer.status_code < 500, (method, path, body(value))
    for path in ("settings", "script-settings", "secrets", "versions", "deployments", "routes", "schedules"):
        api("GET", f"A/workers/scripts/{name}/{path}")
