"""The edge: live versions on workerd behind TLS, and that it tells them apart as Cloudflare does."""

import json
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator

import pytest
import requests

from local_cloudflare.launch import Instance, start
from tests.support import edge
from tests.support.api import WORKER, Api
from tests.support.workers import new_name, publish, upload, url

OVERRIDES = "Cloudflare-Workers-Version-Overrides"


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with start(tmp_path_factory.mktemp("edge") / "state", budget=100_000) as running:
        yield running


@pytest.fixture(scope="module")
def api(instance: Instance) -> Api:
    return Api(instance)


@pytest.fixture(scope="module")
def http(instance: Instance) -> Iterator[requests.Session]:
    with edge.session(instance) as session:
        yield session


def ask(http: requests.Session, address: str, **headers: str) -> str:
    answer = http.get(address, headers=headers, timeout=10)
    assert answer.status_code == 200, f"{address}: {answer.status_code} {answer.text}"
    return answer.text


# --- which version answers


def test_a_switch_is_visible_when_the_api_answers(api: Api, http: requests.Session) -> None:
    script = new_name()
    one = publish(api, script, WORKER % "one")
    address = url(api, script)
    assert ask(http, address) == "one"
    two = upload(api, script, WORKER % "two")
    assert ask(http, address) == "one"
    for version, text in [(two, "two"), (one, "one"), (two, "two"), (one, "one")]:
        api.deploy(script, version)
        assert ask(http, address) == text


def test_a_switch_loses_no_request(instance: Instance, api: Api) -> None:
    script = new_name()
    versions = [publish(api, script, WORKER % "0")] + [upload(api, script, WORKER % n) for n in range(1, 8)]
    address, over, seen, lost = url(api, script), threading.Event(), Counter[str](), list[str]()

    def client() -> None:
        while not over.is_set():
            try:
                answer = edge.get(instance, address)  # each on a connection of its own
                seen[answer.text if answer.ok else f"status {answer.status_code}"] += 1
            except requests.RequestException as error:
                lost.append(repr(error))

    clients = [threading.Thread(target=client) for _ in range(3)]
    for thread in clients:
        thread.start()
    for version in versions * 3:
        api.deploy(script, version)
        time.sleep(0.03)
    over.set()
    for thread in clients:
        thread.join()
    assert not lost
    assert set(seen) <= {str(number) for number in range(8)} and len(seen) >= 4
    assert seen.total() > 50


def test_a_split_is_diced(api: Api, http: requests.Session) -> None:
    script = new_name()
    versions = [publish(api, script, WORKER % "old"), upload(api, script, WORKER % "new")]
    shares = [{"version_id": versions[0], "percentage": 75}, {"version_id": versions[1], "percentage": 25}]
    api("POST", f"A/workers/scripts/{script}/deployments", {"strategy": "percentage", "versions": shares})
    seen = Counter(ask(http, url(api, script)) for _ in range(200))
    assert 20 <= seen["new"] <= 85  # 25 % of 200 within five standard deviations


def test_an_override_reaches_a_version_at_zero_percent(api: Api, http: requests.Session) -> None:
    script, front = new_name(), new_name()
    live, tried = publish(api, script, WORKER % "live"), upload(api, script, WORKER % "tried")
    elsewhere = upload(api, script, WORKER % "not deployed")
    calls = "export default { fetch(request, env) { return env.BACK.fetch(request); } };"
    publish(api, front, calls, bindings=[{"type": "service", "name": "BACK", "service": script}])
    body = {
        "strategy": "percentage",
        "versions": [{"version_id": live, "percentage": 100}, {"version_id": tried, "percentage": 0}],
    }
    api("POST", f"A/workers/scripts/{script}/deployments", body)
    for name in (script, front):  # the service binding passes the header on, and it counts there too
        address = url(api, name)
        assert ask(http, address) == "live"
        assert ask(http, address, **{OVERRIDES: f'{script}="{tried}"'}) == "tried"
        assert ask(http, address, **{OVERRIDES: f'other="{live}", {script}="{tried}"'}) == "tried"
        assert ask(http, address, **{OVERRIDES: f'{script}="{elsewhere}"'}) == "live"
        assert ask(http, address, **{OVERRIDES: "nonsense"}) == "live"


def test_bad_versions_harm_only_themselves(api: Api, http: requests.Session) -> None:
    healthy, throws, broken = new_name(), new_name(), new_name()
    publish(api, healthy, WORKER % "fine")
    publish(api, throws, "export default { fetch() { throw new Error('not this') } };")
    good = publish(api, broken, WORKER % "good")
    api.deploy(broken, upload(api, broken, "this is not JavaScript"))
    for name in (throws, broken):
        answer = http.get(url(api, name), timeout=10)
        assert (
            answer.status_code == 500 and "error code: 1101" in answer.text and "not this" not in answer.text
        )
        assert answer.headers["server"] == "cloudflare" and len(answer.headers["cf-ray"]) == 20
    assert ask(http, url(api, healthy)) == "fine"
    api.deploy(broken, good)
    assert ask(http, url(api, broken)) == "good"


# --- what a version is given


ENVIRONMENT = """
import { env as imported } from "cloudflare:workers";
const early = imported.TEXT;
export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    if (pathname === "/r2") return new Response(await env.MEDIA.get("x"));
    if (pathname === "/cache") return Response.json((await caches.default.match(request)) ?? null);
    if (pathname === "/out") return fetch(request.headers.get("x-to"));
    return Response.json({ TEXT: env.TEXT, DATA: env.DATA, KEY: env.KEY, VERSION: env.VERSION, early,
      url: request.url, address: request.headers.get("cf-connecting-ip"), colo: request.cf.colo });
  },
};
"""


def test_environment(instance: Instance, api: Api, http: requests.Session) -> None:
    script, other = new_name(), new_name()
    publish(api, other, WORKER % "other")
    bindings = [
        {"type": "plain_text", "name": "TEXT", "text": "plain"},
        {"type": "json", "name": "DATA", "json": {"a": [1]}},
        {"type": "secret_text", "name": "KEY", "text": "hidden"},
        {"type": "version_metadata", "name": "VERSION"},
        {"type": "r2_bucket", "name": "MEDIA", "bucket_name": "media"},
    ]
    version = publish(api, script, ENVIRONMENT, bindings=bindings, annotations={"workers/tag": "r7"})
    address = url(api, script)
    found = json.loads(ask(http, address + "?a=b"))
    made = api("GET", f"A/workers/scripts/{script}/versions/{version}")["metadata"]["created_on"]
    assert found == {
        "TEXT": "plain",
        "DATA": {"a": [1]},
        "KEY": "hidden",
        "VERSION": {"id": version, "tag": "r7", "timestamp": made},
        "early": "plain",
        "url": address + "?a=b",
        "address": "127.0.0.1",
        "colo": "LOC",
    }
    assert json.loads(ask(http, address + "cache")) is None
    assert ask(http, address + "out", **{"x-to": url(api, other)}) == "other"
    for path in ("r2", "out"):  # a binding that is not there, a host that is not here
        answer = http.get(address + path, headers={"x-to": "https://example.com/"}, timeout=10)
        assert answer.status_code == 500
    log = (instance.state / "edge.log").read_text()
    assert "the binding MEDIA (r2_bucket) is not available in the local Cloudflare" in log
    assert "example.com is not served by the local Cloudflare" in log


def test_modules_of_every_kind(api: Api, http: requests.Session) -> None:
    script = new_name()
    main = """
import text from "./note.txt";
import data from "./bytes.bin";
import settings from "./settings.json";
import old from "./old.cjs";
import wasm from "./empty.wasm";
import { help } from "./lib/help.js";
const instance = new WebAssembly.Instance(wasm);
export default {
  fetch() {
    return Response.json([text, data.byteLength, settings, old.name, Object.keys(instance.exports), help()]);
  },
};
"""
    metadata = {"main_module": "main.js", "compatibility_date": "2026-11-20"}  # newer than this workerd
    parts = {
        "metadata": (None, json.dumps(metadata)),
        "main.js": ("main.js", main, "application/javascript+module"),
        "note.txt": ("note.txt", "noted", "text/plain"),
        "bytes.bin": ("bytes.bin", b"\x00\xff\x80", "application/octet-stream"),
        "settings.json": ("settings.json", '{"a": 1}', "application/json"),
        "old.cjs": ("old.cjs", "module.exports = { name: 'old' };", "application/javascript"),
        "empty.wasm": ("empty.wasm", b"\x00asm\x01\x00\x00\x00", "application/wasm"),
        "lib/help.js": ("lib/help.js", "export const help = () => 'h';", "application/javascript+module"),
    }
    assert api.raw("PUT", f"A/workers/scripts/{script}", files=parts).ok
    api("POST", f"A/workers/scripts/{script}/subdomain", {"enabled": True})
    assert json.loads(ask(http, url(api, script))) == ["noted", 3, {"a": 1}, "old", [], "h"]


def test_service_bindings_follow_the_target(api: Api, http: requests.Session) -> None:
    back, front = new_name(), new_name()
    source = """
import { WorkerEntrypoint } from "cloudflare:workers";
export class Named extends WorkerEntrypoint {
  add(a, b) { return { sum: a + b, by: "@" }; }
  fetch() { return new Response("named @"); }
}
export default {
  async fetch(request) { return new Response(`${request.method} ${await request.text()} @`); },
};
"""
    publish(api, back, source.replace("@", "one"))
    calls = """
export default {
  async fetch(request, env) {
    switch (new URL(request.url).pathname) {
      case "/named": return env.NAMED.fetch(request);
      case "/rpc": return Response.json(await env.NAMED.add(1, 2));
      default: return env.BACK.fetch("https://back/path", { method: "POST", body: "hello" });
    }
  },
};
"""
    service = {"type": "service", "service": back}
    bindings = [service | {"name": "BACK"}, service | {"name": "NAMED", "entrypoint": "Named"}]
    publish(api, front, calls, bindings=bindings)
    for text in ("one", "two"):
        if text == "two":
            api.deploy(back, upload(api, back, source.replace("@", "two")))
        assert ask(http, url(api, front)) == f"POST hello {text}"
        assert ask(http, url(api, front, "/named")) == f"named {text}"
        assert json.loads(ask(http, url(api, front, "/rpc"))) == {"sum": 3, "by": text}


UPLOADS = """
export default {
  async fetch(request) {
    switch (new URL(request.url).pathname) {
      case "/read": return new Response(String((await request.arrayBuffer()).byteLength));
      case "/echo": return new Response(request.body);
      case "/empty": return new Response(null, { status: 204 });
      case "/throw": throw new Error("thrown");
      default: return new Response("unread");
    }
  },
};
"""


@pytest.mark.parametrize("size", [10, 3_000_000])
def test_an_upload_that_is_not_read_breaks_no_connection(api: Api, http: requests.Session, size: int) -> None:
    script = new_name()
    publish(api, script, UPLOADS)
    expected = {
        "/read": (200, str(size)),
        "/echo": (200, "x" * size),
        "/empty": (204, ""),
        "/": (200, "unread"),
    }
    for path, found in expected.items():
        for body in (b"x" * size, iter([b"x" * (size // 2)] * 2)):  # of known and of unknown length
            answer = http.post(url(api, script, path), data=body, timeout=10)
            assert (answer.status_code, answer.text) == found
            assert ask(http, url(api, script)) == "unread"
    assert http.post(url(api, script, "/throw"), data=b"x" * size, timeout=10).status_code == 500
    assert ask(http, url(api, script)) == "unread"


# --- names and routes


def test_routes(instance: Instance, api: Api, http: requests.Session) -> None:
    zone = "mustbeviral.com"
    scripts = {name: new_name() for name in ("host", "any", "deep", "domain")}
    for name, script in scripts.items():
        upload(api, script, WORKER % name, first=True)
    patterns = {
        f"auth.{zone}/*": "host",
        "*/api/*": "any",
        "*/api/auth/*": "deep",
        f"exact.{zone}/one": "host",
    }
    for pattern, name in patterns.items():
        body = {"pattern": pattern, "script": scripts[name]}
        api("POST", f"/zones/{instance.zones[zone]}/workers/routes", body)
    body = {"hostname": f"own.{zone}", "service": scripts["domain"], "zone_id": instance.zones[zone]}
    api("PUT", "A/workers/domains", body | {"environment": "production"})
    expected = {
        f"https://auth.{zone}/": "host",
        f"https://auth.{zone}/api/auth/me": "host",  # a host says more than a path
        f"https://www.{zone}/api/auth/me": "deep",
        f"https://{zone}/api/else": "any",
        f"https://own.{zone}/": "domain",
        f"https://own.{zone}/api/x": "any",  # routes come before custom domains
        f"https://exact.{zone}/one": "host",
    }
    assert {address: ask(http, address) for address in expected} == expected
    for address in (f"https://exact.{zone}/one/more", f"https://nowhere.{zone}/"):
        assert http.get(address, timeout=10).status_code == 530
    assert http.get(url(api, scripts["host"]), timeout=10).status_code == 404  # workers.dev is off


def test_tls(instance: Instance, http: requests.Session) -> None:
    for name in ("example.com", "nothing.pages.dev", "mustbeviral.com.example.com"):
        with pytest.raises(requests.exceptions.SSLError):
            http.get(f"https://{name}/", timeout=10)
    old = ssl.create_default_context(cafile=instance.ca_file)
    with pytest.warns(DeprecationWarning):
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with socket.create_connection(edge.address(instance), 5) as plain, pytest.raises(ssl.SSLError):
        old.wrap_socket(plain, server_hostname="mustbeviral.com")
