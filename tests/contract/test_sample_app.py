"""The sample application, deployed by the real wrangler, asked at the edge over TLS by its real names."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from websockets.exceptions import ConnectionClosed

from local_cloudflare.launch import Instance, start
from tests.support import edge
from tests.support.api import Api
from tests.support.sample_app import deploy_script
from tests.support.seed import Seed
from tests.support.wrangler import VERSIONS, command

HOSTS = {
    "auth": "auth.mustbeviral.com",
    "content": "content.mustbeviral.com",
    "analytics": "analytics.mustbeviral.com",
    "api-gateway": "api.mustbeviral.com",
    "websocket": "ws.mustbeviral.com",
}
AT_ONCE = {"mode": "immediate"}
SITES = ("mustbeviral.com", "www.mustbeviral.com")


def script(worker: str) -> str:
    return f"must-be-viral-{worker}-local"


@pytest.fixture(scope="module")
def instance(seed: Seed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with start(seed.copy(tmp_path_factory.mktemp("app") / "state")) as running:
        yield running


@pytest.fixture
def http(instance: Instance) -> Iterator[requests.Session]:
    with edge.session(instance) as session:
        yield session


def version_of(api: Api, worker: str, release: str) -> str:
    versions = api("GET", f"A/workers/scripts/{script(worker)}/versions?deployable=true")["items"]
    (version,) = [v["id"] for v in versions if v["annotations"].get("workers/tag") == release]
    return str(version)


@pytest.fixture
def good(instance: Instance) -> None:
    """Everything stands on r2."""
    api = Api(instance)
    for worker in HOSTS:
        api.deploy(script(worker), version_of(api, worker, "r2"), force=True, code_update_strategy=AT_ONCE)
    for deployment in api("GET", "A/pages/projects/must-be-viral-local/deployments?env=production"):
        if deployment["deployment_trigger"]["metadata"]["commit_message"].startswith("r2"):
            api("POST", f"A/pages/projects/must-be-viral-local/deployments/{deployment['id']}/rollback")


def deploy(instance: Instance, release: str, **options: Any) -> None:
    target = deploy_script.Target(instance.api_url, instance.api_token, instance.account_id)
    deploy_script.deploy(release, target=target, wrangler=command(VERSIONS[0]), **options)


def fresh(timestamp: str | int) -> bool:
    if isinstance(timestamp, int):
        made = datetime.fromtimestamp(timestamp / 1000, UTC)
    else:
        made = datetime.fromisoformat(timestamp)
    return abs((datetime.now(UTC) - made).total_seconds()) < 5


# --- a bad release, and back (the first test of the module finds what the seed left)


def test_the_third_release_throws(http: requests.Session) -> None:
    for host in HOSTS.values():
        assert http.get(f"https://{host}/health", timeout=10).status_code == 500
    version = http.get("https://mustbeviral.com/version.json", timeout=10).json()
    assert (version["version"], version["bad"]) == ("r3", "throws")


@pytest.mark.usefixtures("good")
def test_health(instance: Instance, http: requests.Session) -> None:
    answers = {worker: http.get(f"https://{host}/health", timeout=10) for worker, host in HOSTS.items()}
    for worker, answer in answers.items():
        assert answer.status_code == 200, worker
        assert answer.headers["content-type"].startswith("application/json"), worker
    health = {worker: answer.json() for worker, answer in answers.items()}
    for body in health.values():
        assert fresh(body.pop("timestamp"))

    live = Api(instance).live(script("content"))["versions"][0]["version_id"]
    assert health["auth"] == {
        "status": "healthy",
        "service": "auth",
        "version": "r2",
        "checks": {"session_store": "pass", "jwt_secret": "pass"},
    }
    assert health["content"] == {
        "status": "ok",
        "version": live,
        "environment": "local",
        "dependencies": {"database": "ok"},
    }
    assert health["analytics"].pop("uptime") >= 0
    assert health["analytics"] == {"status": "healthy", "service": "analytics", "environment": "local"}
    assert answers["analytics"].headers["x-release"] == "r2"
    assert (health["api-gateway"]["status"], health["api-gateway"]["version"]) == ("healthy", "r2")
    assert health["api-gateway"]["services"] == dict.fromkeys(
        ("auth", "content", "analytics", "websocket"), "connected"
    )
    assert (health["websocket"]["status"], health["websocket"]["version"]) == ("healthy", "1.0.0")
    assert health["websocket"]["checks"]["rooms"]["status"] == "pass"


@pytest.mark.usefixtures("good")
def test_site(http: requests.Session) -> None:
    for host in SITES:
        answer = http.get(f"https://{host}/", timeout=10)
        assert answer.status_code == 200
        assert '<meta name="release" content="r2">' in answer.text
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["content-security-policy"] == "default-src 'self'"
        assert http.get(f"https://{host}/version.json", timeout=10).json()["version"] == "r2"
    assert (
        http.get("https://mustbeviral.com/assets/site.css", timeout=10)
        .headers["content-type"]
        .startswith("text/css")
    )
    moved = http.get("https://mustbeviral.com/home", timeout=10, allow_redirects=False)
    assert (moved.status_code, moved.headers["location"]) == (301, "/")
    fallback = http.get("https://mustbeviral.com/health", timeout=10)
    assert fallback.status_code == 200 and "<!doctype html>" in fallback.text


@pytest.mark.usefixtures("good")
def test_sessions(http: requests.Session) -> None:
    account = {"email": "ada@example.test", "password": "correct horse"}
    url = "https://api.mustbeviral.com/api/auth"
    assert http.post(f"{url}/register", json=account, timeout=10).status_code == 201
    assert http.post(f"{url}/register", json=account, timeout=10).status_code == 409
    assert http.post(f"{url}/login", json=account | {"password": "wrong"}, timeout=10).status_code == 401
    token = http.post(f"{url}/login", json=account, timeout=10).json()["token"]
    me = http.get(f"{url}/me", headers={"authorization": f"Bearer {token}"}, timeout=10)
    assert (me.status_code, me.json()["email"]) == (200, account["email"])
    assert http.get(f"{url}/me", headers={"authorization": f"Bearer {token}x"}, timeout=10).status_code == 401


@pytest.mark.usefixtures("good")
def test_items_and_events(http: requests.Session) -> None:
    url = "https://content.mustbeviral.com/items"
    item = http.post(url, json={"title": "One", "tags": ["new"]}, timeout=10).json()
    assert item["tags"] == ["new"]
    assert item["id"] in http.get(url, timeout=10).json()["items"]
    changed = http.put(f"{url}/{item['id']}", json={"title": "Two"}, timeout=10).json()
    assert http.get(f"{url}/{item['id']}", timeout=10).json() == changed
    assert http.delete(f"{url}/{item['id']}", timeout=10).status_code == 204
    assert http.get(f"{url}/{item['id']}", timeout=10).status_code == 404

    events = "https://api.mustbeviral.com/api/analytics/events"
    assert http.post(events, json={"name": "view"}, timeout=10).status_code == 202
    assert http.get(events, timeout=10).json()["events"]["view"] >= 1


@pytest.mark.usefixtures("good")
def test_rooms_keep_their_code_until_told_otherwise(instance: Instance) -> None:
    api, url = Api(instance), "wss://ws.mustbeviral.com/ws/lobby"
    older = version_of(api, "websocket", "r1")

    def said(socket: edge.WebSocket) -> Any:
        socket.send("hello")
        return json.loads(socket.recv(timeout=10))

    with edge.WebSocket(instance, url) as socket:
        assert said(socket) == {"room": "lobby", "count": 1, "release": "r2", "echo": "hello"}
        api.deploy(script("websocket"), older)  # deferred: the running object does not hear of it
        assert said(socket) == {"room": "lobby", "count": 2, "release": "r2", "echo": "hello"}
        api.deploy(script("websocket"), older, code_update_strategy=AT_ONCE)
        with pytest.raises(ConnectionClosed):
            said(socket)
    with edge.WebSocket(instance, url) as socket:
        assert said(socket) == {"room": "lobby", "count": 3, "release": "r1", "echo": "hello"}


@pytest.mark.usefixtures("good")
def test_a_version_is_tried_unseen_through_the_gateway(instance: Instance, http: requests.Session) -> None:
    api, content = Api(instance), script("content")
    live, tried = version_of(api, "content", "r2"), version_of(api, "content", "r3")
    both = [{"version_id": live, "percentage": 100}, {"version_id": tried, "percentage": 0}]
    api("POST", f"A/workers/scripts/{content}/deployments", {"strategy": "percentage", "versions": both})
    override = {"cloudflare-workers-version-overrides": f'{content}="{tried}"'}

    def answers(url: str, **headers: str) -> requests.Response:
        return http.get(url, headers=headers, timeout=10)

    assert answers("https://content.mustbeviral.com/health").json()["version"] == live
    assert answers("https://content.mustbeviral.com/health", **override).status_code == 500
    assert answers("https://api.mustbeviral.com/api/content/health").json()["version"] == live
    assert answers("https://api.mustbeviral.com/api/content/health", **override).status_code == 500
    assert answers("https://api.mustbeviral.com/health").json()["status"] == "healthy"
    assert answers("https://api.mustbeviral.com/health", **override).json()["status"] == "degraded"


# --- the other ways of being bad; each deploys as little as shows it


@pytest.mark.usefixtures("good")
def test_wrong_bodies(instance: Instance, http: requests.Session) -> None:
    deploy(instance, "r4", bad="wrong-body", only=("auth", "content"))
    auth = http.get("https://auth.mustbeviral.com/health", timeout=10)
    assert (auth.status_code, auth.json()["status"], auth.json()["version"]) == (200, "error", "r4")
    content = http.get("https://content.mustbeviral.com/health", timeout=10)
    assert (content.status_code, content.headers["content-type"]) == (200, "application/json")
    assert content.text.startswith("<!doctype html>")


@pytest.mark.usefixtures("good")
def test_slow(instance: Instance, http: requests.Session) -> None:
    deploy(instance, "r5", bad="slow", only=("analytics",))
    started = time.monotonic()
    assert http.get("https://analytics.mustbeviral.com/health", timeout=10).headers["x-release"] == "r5"
    assert 3 <= time.monotonic() - started < 6


@pytest.mark.usefixtures("good")
def test_one_worker_degrades_the_gateway(instance: Instance, http: requests.Session) -> None:
    deploy(instance, "r6", bad="one-worker", only=("auth", "content"))
    assert http.get("https://auth.mustbeviral.com/health", timeout=10).json()["version"] == "r6"
    assert http.get("https://content.mustbeviral.com/health", timeout=10).status_code == 500
    gateway = http.get("https://api.mustbeviral.com/health", timeout=10)
    assert (gateway.status_code, gateway.json()["status"]) == (200, "degraded")
    assert gateway.json()["services"]["content"] != "connected"


@pytest.mark.usefixtures("good")
def test_a_secret_changed_after_the_release(instance: Instance, http: requests.Session) -> None:
    deploy(instance, "r7", bad="secret", only=("auth",))
    assert http.get("https://auth.mustbeviral.com/health", timeout=10).status_code == 500
    api = Api(instance)
    newest, release = api("GET", f"A/workers/scripts/{script('auth')}/deployments")["deployments"][:2]
    assert newest["annotations"]["workers/triggered_by"] == "secret"
    assert release["annotations"]["workers/message"].startswith("r7: ")
    older = api("GET", f"A/workers/scripts/{script('auth')}/versions?deployable=true")["items"][-1]["id"]
    body = {"strategy": "percentage", "versions": [{"version_id": older, "percentage": 100}]}
    refused = api.raw("POST", f"A/workers/scripts/{script('auth')}/deployments", json=body)
    assert refused.json()["errors"][0]["code"] == 10220


@pytest.mark.usefixtures("good")
def test_a_bad_migration_takes_the_older_code_with_it(instance: Instance, http: requests.Session) -> None:
    api, url = Api(instance), "https://content.mustbeviral.com"
    text = "x" * 100
    item = http.post(f"{url}/items", json={"title": "Long", "text": text}, timeout=10).json()
    database = "A/d1/database/must-be-viral-content-local"
    good = api("GET", f"{database}/time_travel/bookmark")["bookmark"]
    deploy(instance, "r8", bad_migration=True, only=("content",))
    assert http.get(f"{url}/health", timeout=10).status_code == 200
    assert http.get(f"{url}/items/{item['id']}", timeout=10).json()["text"] == text[:80]

    older = version_of(api, "content", "r2")
    api.deploy(script("content"), older)
    health = http.get(f"{url}/health", timeout=10)
    assert (health.status_code, health.json()["dependencies"]) == (503, {"database": "error"})
    assert http.get(f"{url}/items/{item['id']}", timeout=10).status_code == 500
    api("POST", f"{database}/time_travel/restore?bookmark={good}")
    assert http.get(f"{url}/health", timeout=10).json()["version"] == older
    assert http.get(f"{url}/items/{item['id']}", timeout=10).json() == item

    # Code of r1 lives with the additive migration, and keeps what it does not know.
    tagged = http.put(f"{url}/items/{item['id']}", json={"title": "T", "tags": ["kept"]}, timeout=10).json()
    api.deploy(script("content"), version_of(api, "content", "r1"))
    changed = http.put(f"{url}/items/{item['id']}", json={"title": "By r1"}, timeout=10).json()
    assert "tags" not in changed
    api.deploy(script("content"), older)
    now = http.get(f"{url}/items/{item['id']}", timeout=10).json()
    assert (now["title"], now["tags"]) == ("By r1", tagged["tags"])


# --- the other environments, and the other wrangler


@pytest.mark.usefixtures("good")
def test_staging_stays_off_the_names_of_production(instance: Instance, http: requests.Session) -> None:
    target = deploy_script.Target(instance.api_url, instance.api_token, instance.account_id)
    options = {"environment": "staging", "only": ("auth", "site"), "wrangler": command(VERSIONS[1])}
    deploy_script.deploy("s1", target=target, **options)
    assert http.get("https://auth-staging.mustbeviral.com/health", timeout=10).json()["version"] == "s1"
    assert http.get("https://staging.mustbeviral.com/version.json", timeout=10).json()["version"] == "s1"
    assert http.get("https://auth.mustbeviral.com/health", timeout=10).json()["version"] == "r2"
    assert http.get("https://mustbeviral.com/version.json", timeout=10).json()["version"] == "r2"


def test_the_command_says_what_it_misses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert deploy_script.main(["r1", "--environment", "local", "--local", str(tmp_path)]) == 1
    assert "no local Cloudflare is running" in capsys.readouterr().err
    monkeypatch.delenv("CLOUDFLARE_API_TOKEN", raising=False)
    monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", "0" * 32)
    assert deploy_script.main(["r1", "--environment", "production"]) == 1
    assert "set CLOUDFLARE_API_TOKEN" in capsys.readouterr().err
