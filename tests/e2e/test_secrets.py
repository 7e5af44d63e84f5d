"""Secrets never show: not on a terminal with -vvv --diff, not in the journal, not in the logs around it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import workers
from tests.support.environment import PROJECT, WORKERS, Environment, Run

AUTH = WORKERS["auth-worker"]
# Not shaped like a credential, so that only knowing them, or not showing them, keeps them out.
SECRET, BODY, EXTRA, URL = (
    f"canary{number:02}-{name}" for number, name in enumerate(("one", "two", "three", "four"))
)
HEALTH = {
    "kept": "Response.json({status: 'healthy', timestamp: Date.now(), version: 'r9', note: {text: '%s'}})",
    "broken": "Response.json({status: {a: '%s'}, timestamp: {b: '%s'}, version: {c: '%s'}})",
    "text": "new Response('<html>%s</html>')",
}


@pytest.fixture
def play(environment: Environment, tmp_path: Path) -> Callable[..., Run]:
    """Runs a playbook, as talkative as it can be, and looks for the canaries in everything that it left."""
    places = {name: tmp_path / name for name in ("home", "ansible.log")}
    places["home"].mkdir()
    canaries = (environment.instance.api_token, SECRET, BODY, EXTRA, URL)

    def run(name: str, *arguments: str, callback: str = "knowngood") -> Run:
        environ = {
            "HOME": str(places["home"]),
            "ANSIBLE_LOG_PATH": str(places["ansible.log"]),
            "ANSIBLE_STDOUT_CALLBACK": callback,
        }
        arguments = (*arguments, "-vvv", "--diff", "-e", f"some_password={EXTRA}", "-e", "validate_seconds=1")
        done = environment.play(name, *arguments, environ=environ)
        found = {"the terminal": done.output}
        for folder in (environment.runs, *places.values()):
            for file in [folder, *folder.rglob("*")]:
                if file.is_file():
                    found[str(file.relative_to(tmp_path))] = file.read_text(errors="replace")
        assert len(found) >= 3, "neither journal nor log"
        for where, text in found.items():
            for canary in canaries:
                assert canary not in text, f"{name} {arguments}: in {where}: {line_with(canary, text)}"
        assert "Traceback" not in done.output
        return done

    return run


def line_with(canary: str, text: str) -> str:
    return next(line for line in text.splitlines() if canary in line)


def put_secret(environment: Environment) -> None:
    secret = {"name": "JWT_SECRET", "text": SECRET, "type": "secret_text"}
    environment.api("PUT", f"A/workers/scripts/{AUTH}/secrets", secret)


@pytest.mark.parametrize("callback", ["knowngood", "default"])
def test_a_rollback_tells_no_secret(
    environment: Environment, play: Callable[..., Run], callback: str
) -> None:
    assert play("rollback.yml", "--check", callback=callback).code == 0
    put_secret(environment)
    assert play("rollback.yml", callback=callback).code == 10
    assert play("rollback.yml", "-e", "accept_secret_change=true", callback=callback).code == 0


def test_wrangler_moves_the_same_and_tells_no_secret(
    environment: Environment, play: Callable[..., Run]
) -> None:
    put_secret(environment)
    bad, good = environment.live(), environment.versions("r2")
    # Two of the six are enough: wrangler costs a second a call.
    through = ("-e", "cloudflare_transport=wrangler", "--limit", "auth-worker,site")
    run = play("rollback.yml", *through, "-e", "accept_secret_change=true")
    assert run.code == 0
    assert any(event["event"] == "wrangler" for event in run.events)
    assert environment.live() == {**bad, **{name: good[name] for name in (WORKERS["auth-worker"], PROJECT)}}


@pytest.mark.parametrize("callback", ["knowngood", "default"])
def test_what_fails_tells_no_secret(
    environment: Environment, play: Callable[..., Run], callback: str
) -> None:
    echo = f"Authentication error: {environment.instance.api_token} may not do this"
    match = {"method": "GET", "path": "/accounts/"}
    environment.api.fault({"kind": "error", "status": 403, "code": 10000, "message": echo, "match": match})
    refused = play("rollback.yml", callback=callback)
    assert refused.code == 10
    assert "Authentication error" in refused.output
    environment.api.heal()

    api = (
        "-e",
        f"cloudflare_api_url=http://somebody:{URL}@127.0.0.1:9/client/v4",
        "-e",
        "cloudflare_patience=1",
    )
    assert play("rollback.yml", *api, callback=callback).code == 10
    health = {
        "url": f"https://somebody:{URL}@nowhere.example/health",
        "body": "status",
        "version": {"json": "version", "is": "tag"},
        "fresh": {"json": "timestamp"},
    }
    wrong_host = ("--limit", "auth-worker", "-e", json.dumps({"health": health}))
    validated = play("validate.yml", *wrong_host, callback=callback)
    assert validated.code == 13
    assert "the TLS handshake was broken off" in validated.output


@pytest.mark.parametrize("answer", HEALTH)
def test_a_health_body_is_not_repeated(
    environment: Environment, play: Callable[..., Run], answer: str
) -> None:
    source = f"export default {{ fetch() {{ return {HEALTH[answer].replace('%s', BODY)}; }} }};"
    version = workers.upload(environment.api, AUTH, source, annotations={"workers/tag": "r9"})
    environment.api.deploy(AUTH, version, force=True)
    # A Worker that only knows how to say that it is well is not well for its users.
    run = play("validate.yml", "--limit", "auth-worker")
    assert run.code == 13
    assert ("flow login" in run.output) == (answer == "kept")
