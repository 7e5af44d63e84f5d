"""Workers KV over its REST API and as a binding."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cloudflare import Cloudflare

from local_cloudflare.launch import Instance, start
from tests.support import edge
from tests.support.api import Api
from tests.support.workers import new_name, publish, url

WORKER = """
export default {
  async fetch(request, env) {
    const { method, args } = await request.json();
    const value = await env.STORE[method](...args.map((arg) => arg?.bytes ? new Uint8Array(arg.bytes) : arg));
    return Response.json(await plain(value));
  },
};
async function plain(value) {
  if (value === undefined) return "nothing";
  if (value instanceof ArrayBuffer) return { bytes: [...new Uint8Array(value)] };
  if (value instanceof ReadableStream) return { streamed: await new Response(value).text() };
  if (value instanceof Map) return { map: [...value] };
  return value;
}
"""


@pytest.fixture
def api(shared_api: Api) -> Api:
    return shared_api


@pytest.fixture
def namespace(api: Api) -> str:
    return str(api("POST", "A/storage/kv/namespaces", {"title": new_name("store")})["id"])


@pytest.fixture
def store(shared: Instance, api: Api, namespace: str) -> Iterator[Any]:
    """Calls a method of the binding inside a Worker; refused calls come as None."""
    script = new_name("kv")
    publish(
        api, script, WORKER, bindings=[{"type": "kv_namespace", "name": "STORE", "namespace_id": namespace}]
    )
    address = url(api, script)
    with edge.session(shared) as http:

        def call(method: str, *args: Any) -> Any:
            answer = http.post(address, json={"method": method, "args": args}, timeout=10)
            return answer.json() if answer.ok else None

        yield call


def test_namespaces(api: Api, namespace: str) -> None:
    path = "A/storage/kv/namespaces"
    title = new_name("renamed")
    assert api("PUT", f"{path}/{namespace}", {"title": title})["title"] == title
    assert title in [found["title"] for found in api("GET", f"{path}?per_page=100")]
    taken = api.raw("POST", path, json={"title": title})
    assert (taken.status_code, taken.json()["errors"][0]["code"]) == (400, 10014)
    api("DELETE", f"{path}/{namespace}")
    gone = api.raw("GET", f"{path}/{namespace}")
    assert (gone.status_code, gone.json()["errors"][0]["code"]) == (404, 10013)


def test_values(api: Api, namespace: str) -> None:
    path = f"A/storage/kv/namespaces/{namespace}"
    key = f"{path}/values/a%2Fb%20c%3F"
    api.raw("PUT", key, data=b"\x00\xff").raise_for_status()
    assert api.raw("GET", key).content == b"\x00\xff"
    form = {"value": (None, "text"), "metadata": (None, '{"n": 1}')}
    api.raw("PUT", f"{key}?expiration_ttl=60", files=form).raise_for_status()
    (listed,) = api("GET", f"{path}/keys?prefix=a/")
    assert (listed["name"], listed["metadata"]) == ("a/b c?", {"n": 1})
    assert 55 < listed["expiration"] - time.time() <= 60
    assert api("GET", f"{path}/metadata/a%2Fb%20c%3F") == {"n": 1}
    assert api.raw("PUT", f"{key}?expiration_ttl=5", data="x").status_code == 400
    api("DELETE", key)
    missing = api.raw("GET", key)
    assert (missing.status_code, missing.json()["errors"][0]["code"]) == (404, 10009)


def test_many_values_at_once(api: Api, namespace: str) -> None:
    path = f"A/storage/kv/namespaces/{namespace}"
    api.raw("PUT", f"{path}/values/a%2Fone", data='{"n": 1}').raise_for_status()
    form = {"value": (None, "text"), "metadata": (None, '{"m": 2}')}
    api.raw("PUT", f"{path}/values/two", files=form).raise_for_status()
    ask = f"{path}/bulk/get"
    found = api("POST", ask, {"keys": ["a/one", "two", "missing"]})
    assert found == {"values": {"a/one": '{"n": 1}', "two": "text", "missing": None}}
    assert api("POST", ask, {"keys": ["a/one"], "type": "json"}) == {"values": {"a/one": {"n": 1}}}
    found = api("POST", ask, {"keys": ["two", "missing"], "withMetadata": True})
    assert found == {"values": {"two": {"value": "text", "metadata": {"m": 2}}, "missing": None}}
    assert api.raw("POST", ask, json={"keys": ["k"] * 101}).status_code == 400
    assert api.raw("POST", ask, json={"keys": ["two"], "type": "json"}).status_code == 400
    api.raw("PUT", f"{path}/values/bytes", data=b"\xff").raise_for_status()
    assert api.raw("POST", ask, json={"keys": ["bytes"]}).status_code == 400


def test_the_sdk_reads_many_values(shared: Instance, api: Api, namespace: str) -> None:
    api.raw("PUT", f"A/storage/kv/namespaces/{namespace}/values/key", data="v").raise_for_status()
    with Cloudflare(api_token=shared.api_token, base_url=shared.api_url, max_retries=0) as sdk:
        found = sdk.kv.namespaces.bulk_get(namespace, account_id=shared.account_id, keys=["key"])
    assert found and found.values == {"key": "v"}


def test_pages_of_keys(api: Api, namespace: str) -> None:
    path = f"A/storage/kv/namespaces/{namespace}"
    names = [f"k{number:02}" for number in range(25)]
    for name in reversed(names):
        api.raw("PUT", f"{path}/values/{name}", data=name).raise_for_status()
    found, cursor = [], ""
    while True:
        page = api.raw("GET", f"{path}/keys?limit=10&cursor={cursor}").json()
        found += [entry["name"] for entry in page["result"]]
        cursor = page["result_info"]["cursor"]
        if not cursor:
            break
    assert found == names
    assert api.raw("GET", f"{path}/keys?limit=1001").status_code == 400


def test_the_binding(store: Any) -> None:
    assert store("get", "missing") is None
    assert store("put", "text", "hällo") == "nothing"
    assert store("get", "text") == "hällo"
    assert store("get", "text", {"type": "stream"}) == {"streamed": "hällo"}
    store("put", "json", '{"a": [1]}')
    assert store("get", "json", "json") == {"a": [1]}
    store("put", "bytes", {"bytes": [0, 255, 128]})
    assert store("get", "bytes", "arrayBuffer") == {"bytes": [0, 255, 128]}
    assert store("get", ["text", "missing"]) == {"map": [["text", "hällo"], ["missing", None]]}

    store("put", "with metadata/é", "v", {"metadata": {"é": 1}, "expirationTtl": 60})
    found = store("getWithMetadata", "with metadata/é")
    assert found == {"value": "v", "metadata": {"é": 1}, "cacheStatus": None}
    nothing = {"value": None, "metadata": None, "cacheStatus": None}
    assert store("getWithMetadata", "missing") == nothing

    page = store("list", {"limit": 3})
    assert [entry["name"] for entry in page["keys"]] == ["bytes", "json", "text"]
    assert page["list_complete"] is False
    page = store("list", {"cursor": page["cursor"]})
    assert [entry["metadata"] for entry in page["keys"]] == [{"é": 1}] and page["list_complete"] is True
    assert [entry["name"] for entry in store("list", {"prefix": "js"})["keys"]] == ["json"]
    assert store("list", {"prefix": "none"}) == {"keys": [], "list_complete": True, "cacheStatus": None}

    store("delete", "text")
    assert store("get", "text") is None
    assert store("put", "short", "v", {"expirationTtl": 1}) is None  # Cloudflare wants at least 60
    assert store("get", "x" * 513) is None


def test_rest_and_binding_share_the_values(api: Api, store: Any, namespace: str) -> None:
    path = f"A/storage/kv/namespaces/{namespace}/values"
    store("put", "from the Worker", "w")
    assert api.raw("GET", f"{path}/from%20the%20Worker").text == "w"
    api.raw("PUT", f"{path}/from%20outside", data="o").raise_for_status()
    assert store("get", "from outside") == "o"


def test_values_outlive_a_restart(tmp_path: Path) -> None:
    script = new_name("kv")
    with start(tmp_path / "state") as instance:
        api = Api(instance)
        store = api("POST", "A/storage/kv/namespaces", {"title": "kept"})["id"]
        binding = {"type": "kv_namespace", "name": "STORE", "namespace_id": store}
        publish(api, script, WORKER, bindings=[binding])
        address = url(api, script)
        call = {"method": "put", "args": ["key", "value"]}
        with edge.session(instance) as http:
            assert http.post(address, json=call, timeout=10).ok
        instance.process.kill()
        instance.process.wait()
    with start(tmp_path / "state") as instance, edge.session(instance) as http:
        answer = http.post(address, json={"method": "get", "args": ["key"]}, timeout=10)
        assert json.loads(answer.text) == "value"
