"""The real wrangler, the last for Node 20 and a current one, drives a local Cloudflare unchanged.

What is expected of its answers and of its calls is what was measured of wrangler and is recorded in the
project's notes on Cloudflare: where a test names a trap, wrangler is meant to fall into it here too.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local_cloudflare.launch import start
from tests.support.api import WORKER, Api
from tests.support.wrangler import VERSIONS, Wrangler, command, printed_id


@pytest.fixture(scope="module", params=VERSIONS)
def wrangler(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wrangler]:
    command(request.param)
    home = tmp_path_factory.mktemp("home")
    with start(tmp_path_factory.mktemp("cloudflare") / "state") as instance:
        yield Wrangler(request.param, instance, home)


@pytest.fixture
def api(wrangler: Wrangler) -> Api:
    return Api(wrangler.instance)


def project(wrangler: Wrangler, name: str, text: str, **config: Any) -> str:
    """Writes a Worker that answers `text`; the path of its configuration."""
    folder = wrangler.home / name
    folder.mkdir(exist_ok=True)
    (folder / "main.js").write_text(WORKER % text)
    path = folder / "wrangler.json"
    basics = {"name": name, "main": "main.js", "compatibility_date": "2026-04-01"}
    path.write_text(json.dumps(basics | config))
    return str(path)


# --- who


def test_whoami(wrangler: Wrangler, api: Api) -> None:
    mark = api.mark()
    answer = wrangler.json("whoami")
    assert answer == {
        "loggedIn": True,
        "authType": "User API Token",
        "email": api("GET", "/user")["email"],
        "accounts": api("GET", "/accounts"),
    }
    memberships = ["GET /memberships?page=1"] if wrangler.current else []
    asked = ["GET /user/tokens/verify", "GET /user", "GET /accounts?page=1", *memberships]
    assert sorted(api.calls(mark)) == sorted(asked)


def test_a_wrong_token_is_refused(wrangler: Wrangler) -> None:
    done = wrangler.run("deployments", "list", "--name", "whatever", "--json", token="x" * 40)
    assert done.returncode == 1
    assert "9109" in done.stderr or "10000" in done.stderr
    assert not done.stdout.startswith("[")


# --- deploy


def test_deploy(wrangler: Wrangler, api: Api) -> None:
    config = project(wrangler, "deployed", "one", vars={"RELEASE": "r1"})
    release = ["deploy", "--config", config, "--tag", "r1", "--message", "r1: first"]
    mark = api.mark()
    first = printed_id(wrangler(*release), "Current Version ID:")
    calls = api.calls(mark)
    assert calls[0] == "GET A/workers/services/deployed"
    assert "PUT A/workers/scripts/deployed?excludeScript=true&bindings_inherit=strict" in calls
    assert not [call for call in calls if call.startswith("POST A/workers/scripts/deployed/versions")]

    version = api("GET", f"A/workers/scripts/deployed/versions/{first}")
    assert version["number"] == 1
    assert version["annotations"]["workers/tag"] == "r1"
    assert version["annotations"]["workers/message"] == "r1: first"
    assert version["annotations"]["workers/triggered_by"] == "upload"
    assert version["metadata"]["source"] == "wrangler"
    assert {"name": "RELEASE", "type": "plain_text", "text": "r1"} in version["resources"]["bindings"]
    assert version["resources"]["script_runtime"]["compatibility_date"] == "2026-04-01"

    kept = {"name": "KEPT", "type": "secret_text"}
    api("PUT", "A/workers/scripts/deployed/secrets", kept | {"text": "value"})
    project(wrangler, "deployed", "two", vars={"RELEASE": "r2"})
    mark = api.mark()
    second = printed_id(
        wrangler("deploy", "--config", config, "--tag", "r2", "--message", "r2: second"),
        "Current Version ID:",
    )
    strict = "POST A/workers/scripts/deployed/versions?bindings_inherit=strict"
    writes = [call for call in api.calls(mark) if not call.startswith("GET ")]
    assert writes[:2] == [strict, "POST A/workers/scripts/deployed/deployments"]
    assert not [call for call in writes if call.startswith("PUT ")]
    reads = [call for call in api.calls(mark) if call.startswith("GET ")]
    assert ("GET A/workers/workers/deployed" in reads) is wrangler.current
    assert ("GET A/workers/subdomain" in reads) is not wrangler.current

    version = api("GET", f"A/workers/scripts/deployed/versions/{second}")
    assert kept in version["resources"]["bindings"]
    live = api.live("deployed")
    assert live["versions"] == [{"version_id": second, "percentage": 100}]
    assert live["annotations"]["workers/message"] == "r2: second"
    assert live["source"] == "wrangler"


def test_a_worker_that_does_not_exist_cannot_get_a_version(wrangler: Wrangler) -> None:
    config = project(wrangler, "absent", "one")
    done = wrangler.run("versions", "upload", "--config", config)
    assert done.returncode == 1
    assert "does not" in done.stderr or "doesn't" in done.stderr


# --- versions


def test_versions(wrangler: Wrangler, api: Api) -> None:
    (first,) = api.release("versioned", "r1")
    config = project(wrangler, "versioned", "two")
    uploaded = ["versions", "upload", "--config", config, "--tag", "r2", "--message", "r2: second"]
    second = printed_id(wrangler(*uploaded), "Version ID:")
    assert api.live("versioned")["versions"] == [{"version_id": first, "percentage": 100}]

    mark = api.mark()
    listed = wrangler.json("versions", "list", "--name", "versioned")
    assert [version["id"] for version in listed] == [first, second]  # oldest first
    assert [version["number"] for version in listed] == [1, 2]
    for version in listed:
        assert {"id", "number", "metadata", "annotations"} <= set(version)
        assert {"created_on", "modified_on", "source", "author_id", "author_email"} <= set(
            version["metadata"]
        )
    assert api.calls(mark) == ["GET A/workers/scripts/versioned/versions?deployable=true"]

    viewed = wrangler.json("versions", "view", second, "--name", "versioned")
    assert viewed == api("GET", f"A/workers/scripts/versioned/versions/{second}")
    assert viewed["annotations"] == {
        "workers/tag": "r2",
        "workers/message": "r2: second",
        "workers/triggered_by": "version_upload",
    }
    assert viewed["resources"]["script"]["handlers"] == ["fetch"]
    assert viewed["resources"]["script"]["etag"]

    mark = api.mark()
    split = [f"{first}@60", f"{second}@40", "--name", "versioned", "--message", "r2: try", "-y"]
    wrangler("versions", "deploy", *split)
    live = api.live("versioned")
    assert {v["version_id"]: v["percentage"] for v in live["versions"]} == {first: 60, second: 40}
    assert live["annotations"]["workers/message"] == "r2: try"
    assert api.calls(mark).count("POST A/workers/scripts/versioned/deployments") == 1
    assert live["code_update_strategy"] == {"mode": "deferred", "max_delay": 300}  # sent, or the default


def test_deploy_by_tag(wrangler: Wrangler, api: Api) -> None:
    first, second = api.release("tagged", "r1", "r2")
    done = wrangler.run("versions", "deploy", "--version-tag", "r1", "--name", "tagged", "-y")
    known = wrangler.current  # 4.86.0 has no such option
    assert done.returncode == (0 if known else 1), done.stderr
    assert api.live("tagged")["versions"][0]["version_id"] == (first if known else second)


def test_more_than_ten_versions(wrangler: Wrangler, api: Api) -> None:
    ids = [api.upload("many", f"v{n}", first=n == 0) for n in range(12)]
    listed = [version["id"] for version in wrangler.json("versions", "list", "--name", "many")]
    assert listed == (ids[2:] if wrangler.current else ids)  # the current wrangler cuts the list itself


# --- deployments


def test_deployments(wrangler: Wrangler, api: Api) -> None:
    versions = api.release("listed", *(f"r{n}" for n in range(1, 13)))
    mark = api.mark()
    listed = wrangler.json("deployments", "list", "--name", "listed")
    assert [d["versions"][0]["version_id"] for d in listed] == versions[2:]  # the ten newest, oldest first
    status = wrangler.json("deployments", "status", "--name", "listed")
    assert status == listed[-1] == api.live("listed")
    assert api.calls(mark) == ["GET A/workers/scripts/listed/deployments"] * 2
    assert {"id", "source", "strategy", "author_email", "created_on", "annotations", "versions"} <= set(
        status
    )
    assert status["annotations"]["workers/message"] == "r12: test"
    assert status["strategy"] == "percentage"


# --- rollback


def rollback_calls(script: str, *, target_given: bool, forced: bool = False) -> list[str]:
    deployments = f"GET A/workers/scripts/{script}/deployments"
    version = f"GET A/workers/scripts/{script}/versions/{{id}}"
    post = f"POST A/workers/scripts/{script}/deployments"
    again = [] if target_given else [deployments]
    return [deployments, version, *again, version, post, *([f"{post}?force=true"] if forced else [])]


def test_rollback_to_a_version(wrangler: Wrangler, api: Api) -> None:
    good, _, _ = api.release("back", "r1", "r2", "r3")
    mark = api.mark()
    wrangler("rollback", good, "--name", "back", "--message", "to r1", "-y")
    assert api.calls(mark) == rollback_calls("back", target_given=True)
    live = api.live("back")
    assert live["versions"] == [{"version_id": good, "percentage": 100}]
    assert live["annotations"] == {"workers/message": "to r1", "workers/triggered_by": "deployment"}


def test_rollback_without_a_version_goes_back_and_forth(wrangler: Wrangler, api: Api) -> None:
    _, second, third = api.release("pingpong", "r1", "r2", "r3")
    mark = api.mark()
    wrangler("rollback", "--name", "pingpong", "-y")
    assert api.calls(mark) == rollback_calls("pingpong", target_given=False)
    assert api.live("pingpong")["versions"][0]["version_id"] == second
    wrangler("rollback", "--name", "pingpong", "-y")
    assert api.live("pingpong")["versions"][0]["version_id"] == third  # the broken one again


def test_rollback_over_a_changed_secret_forces_itself(wrangler: Wrangler, api: Api) -> None:
    good, _ = api.release("secretive", "r1", "r2")
    secret = {"name": "API_KEY", "text": "changed", "type": "secret_text"}
    api("PUT", "A/workers/scripts/secretive/secrets", secret)

    body = {"strategy": "percentage", "versions": [{"version_id": good, "percentage": 100}]}
    refused = api.raw("POST", "A/workers/scripts/secretive/deployments", json=body)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (400, 10220)

    mark = api.mark()
    printed = wrangler("rollback", good, "--name", "secretive", "-y")
    assert "API_KEY" in printed
    assert api.calls(mark) == rollback_calls("secretive", target_given=True, forced=True)
    assert api.live("secretive")["versions"][0]["version_id"] == good


@pytest.mark.parametrize(
    ("script", "version"), [("nowhere", None), ("known", "00000000-0000-4000-8000-000000000000")]
)
def test_rollback_to_what_does_not_exist(
    wrangler: Wrangler, api: Api, script: str, version: str | None
) -> None:
    if script == "known":
        api.release("known", "r1", "r2")
    mark = api.mark()
    done = wrangler.run("rollback", *([version] if version else []), "--name", script, "-y")
    assert done.returncode == 1
    assert "10007" in done.stderr
    assert not [call for call in api.calls(mark) if call.startswith("POST")]


def test_a_migration_of_durable_objects_cannot_be_crossed(wrangler: Wrangler, api: Api) -> None:
    before = api.upload("stateful", "r1", first=True)
    room = {"bindings": [{"name": "ROOMS", "class_name": "Room"}]}
    migrations = [{"tag": "v1", "new_sqlite_classes": ["Room"]}]
    config = project(wrangler, "stateful", "r2", durable_objects=room, migrations=migrations)
    (wrangler.home / "stateful" / "main.js").write_text(WORKER % "r2" + "export class Room {}")

    refused = wrangler.run("versions", "upload", "--config", config)
    assert refused.returncode == 1
    # The current wrangler sees it coming and does not ask the API.
    assert ("pending Durable Object migration" if wrangler.current else "10211") in refused.stderr

    mark = api.mark()
    wrangler("deploy", "--config", config)
    assert "PUT A/workers/scripts/stateful?excludeScript=true&bindings_inherit=strict" in api.calls(mark)
    after = api.live("stateful")["versions"]
    crossing = wrangler.run("rollback", before, "--name", "stateful", "-y")
    assert crossing.returncode == 1
    assert (
        "local_cloudflare" in crossing.stderr
    )  # the real code is not known, so the refusal says whose it is
    assert api.live("stateful")["versions"] == after


# --- secrets


def test_secrets(wrangler: Wrangler, api: Api) -> None:
    api.release("keeper", "r1")
    wrangler("secret", "put", "TOKEN", "--name", "keeper", stdin="first value")
    live = api.live("keeper")
    assert live["annotations"]["workers/triggered_by"] == "secret"
    version = api("GET", f"A/workers/scripts/keeper/versions/{live['versions'][0]['version_id']}")
    assert version["number"] == 2
    assert version["resources"]["bindings"] == [{"name": "TOKEN", "type": "secret_text"}]  # and no text

    bulk = wrangler.home / "secrets.json"
    bulk.write_text(json.dumps({"ONE": "1", "TWO": "2"}))
    mark = api.mark()
    wrangler("secret", "bulk", str(bulk), "--name", "keeper")
    way = "secrets-bulk" if wrangler.current else "settings"
    assert f"PATCH A/workers/scripts/keeper/{way}" in api.calls(mark)
    assert len(api("GET", "A/workers/scripts/keeper/deployments")["deployments"]) == 3  # one for both

    mark = api.mark()
    listed = json.loads(wrangler("secret", "list", "--name", "keeper"))
    assert api.calls(mark) == ["GET A/workers/scripts/keeper/secrets"]
    assert sorted(listed, key=lambda secret: str(secret["name"])) == [
        {"name": name, "type": "secret_text"} for name in ("ONE", "TOKEN", "TWO")
    ]


def test_a_secret_cannot_change_while_the_newest_version_is_not_live(wrangler: Wrangler, api: Api) -> None:
    good, _ = api.release("drifted", "r1", "r2")
    api.deploy("drifted", good)
    done = wrangler.run("secret", "put", "TOKEN", "--name", "drifted", stdin="value")
    assert done.returncode == 1
    assert api.live("drifted")["versions"][0]["version_id"] == good
    assert api("GET", "A/workers/scripts/drifted/secrets") == []


# --- pages


def site(folder: Path, text: str) -> str:
    (folder / "assets").mkdir(parents=True, exist_ok=True)
    (folder / "index.html").write_text(f"<!doctype html><title>{text}</title>")
    (folder / "assets" / "same.css").write_text("body { margin: 0 }")
    (folder / "_headers").write_text("/*\n  X-Frame-Options: DENY\n")
    return str(folder)


def test_pages(wrangler: Wrangler, api: Api) -> None:
    project = api("POST", "A/pages/projects", {"name": "pagesite", "production_branch": "main"})
    folder = wrangler.home / "site"
    commit = "0123456789abcdef0123456789abcdef01234567"
    production = ["pages", "deploy", site(folder, "one"), "--project-name", "pagesite", "--branch", "main"]
    production += ["--commit-hash", commit, "--commit-message", "r1: first", "--commit-dirty=false"]
    mark = api.mark()
    printed = wrangler(*production)
    assert "Deployment complete" in printed
    calls = api.calls(mark)
    assert calls.count("POST /pages/assets/check-missing") == 1
    assert calls.count("POST /pages/assets/upsert-hashes") == 1
    assert calls.count("POST A/pages/projects/pagesite/deployments") == 1

    (deployment,) = api("GET", "A/pages/projects/pagesite/deployments")
    assert deployment["environment"] == "production"
    assert deployment["url"] in printed
    assert (deployment["latest_stage"]["name"], deployment["latest_stage"]["status"]) == ("deploy", "success")
    assert deployment["deployment_trigger"] == {
        "type": "ad_hoc",
        "metadata": {
            "branch": "main",
            "commit_hash": commit,
            "commit_message": "r1: first",
            "commit_dirty": False,
        },
    }

    site(folder, "two")
    mark = api.mark()
    wrangler(
        "pages",
        "deploy",
        str(folder),
        "--project-name",
        "pagesite",
        "--branch",
        "trial",
        "--commit-dirty=true",
    )
    assert api.calls(mark).count("POST /pages/assets/upload") == 1
    after = api("GET", "A/pages/projects/pagesite")
    assert after["canonical_deployment"]["id"] == deployment["id"]
    assert after["latest_deployment"]["environment"] == "preview"

    (listed,) = wrangler.json(
        "pages", "deployment", "list", "--project-name", "pagesite", "--environment", "production"
    )
    assert listed["Id"] == deployment["id"]
    assert (listed["Environment"], listed["Branch"], listed["Source"]) == ("Production", "main", commit[:7])
    assert listed["Deployment"] == deployment["url"]
    assert set(listed) == {"Id", "Environment", "Branch", "Source", "Deployment", "Status", "Build"}

    (shown,) = wrangler.json("pages", "project", "list")
    assert shown["Project Name"] == "pagesite"
    assert shown["Project Domains"] == project["subdomain"]
    assert shown["Git Provider"] == "No"
    assert set(shown) == {"Project Name", "Project Domains", "Git Provider", "Last Modified"}


def test_pages_deploy_needs_a_project(wrangler: Wrangler) -> None:
    folder = site(wrangler.home / "homeless", "one")
    done = wrangler.run("pages", "deploy", folder, "--project-name", "unknown", "--branch", "main")
    assert done.returncode == 1
    assert "8000007" in done.stderr or "does not exist" in done.stdout + done.stderr
