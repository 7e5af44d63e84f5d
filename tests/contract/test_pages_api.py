"""Pages: the API of projects and deployments, rollback, and the sites as the edge serves them."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from local_cloudflare.launch import Instance, start
from tests.support import edge
from tests.support.api import Api
from tests.support.pages import create, deploy, done, upload_files

INDEX = "<!doctype html><title>%s</title>"
_numbers = itertools.count(1)


@pytest.fixture
def http(shared: Instance) -> Iterator[requests.Session]:
    with edge.session(shared) as session:
        yield session


@pytest.fixture
def api(shared_api: Api) -> Api:
    return shared_api


@pytest.fixture
def project(api: Api) -> str:
    name = f"site-{next(_numbers)}"
    api("POST", "A/pages/projects", {"name": name, "production_branch": "main"})
    return name


def shown(api: Api, project: str) -> tuple[str | None, str | None]:
    """Ids of the canonical and of the latest deployment."""
    found = api("GET", f"A/pages/projects/{project}")
    return tuple(found[name] and found[name]["id"] for name in ("canonical_deployment", "latest_deployment"))


def refusal(answer: requests.Response) -> tuple[int, int]:
    assert answer.json()["success"] is False
    return answer.status_code, answer.json()["errors"][0]["code"]


# --- projects


def test_projects(api: Api, project: str) -> None:
    found = api("GET", f"A/pages/projects/{project}")
    assert found["subdomain"] == f"{project}.pages.dev" and found["domains"] == [found["subdomain"]]
    assert found["source"] is None and found["canonical_deployment"] is None
    for config in (found["deployment_configs"][name] for name in ("production", "preview")):
        assert config["compatibility_date"] and config["compatibility_flags"] == []
    change = {"deployment_configs": {"production": {"compatibility_flags": ["nodejs_compat"]}}}
    api("PATCH", f"A/pages/projects/{project}", change)
    configs = api("GET", f"A/pages/projects/{project}")["deployment_configs"]
    assert configs["production"]["compatibility_flags"] == ["nodejs_compat"]
    assert configs["preview"]["compatibility_flags"] == []
    assert refusal(api.raw("GET", "A/pages/projects/none")) == (404, 8000007)
    taken = api.raw("POST", "A/pages/projects", json={"name": project, "production_branch": "main"})
    assert taken.status_code == 409
    assert api.raw("POST", "A/pages/projects", json={"name": "No Name"}).status_code == 400
    api("DELETE", f"A/pages/projects/{project}")
    assert refusal(api.raw("GET", f"A/pages/projects/{project}")) == (404, 8000007)


def test_automatic_deployments_can_be_paused(api: Api, project: str) -> None:
    pause = {"source": {"config": {"production_deployments_enabled": False}}}
    assert api.raw("PATCH", f"A/pages/projects/{project}", json=pause).status_code == 400  # no git source
    config = {"owner": "o", "repo_name": "r", "production_deployments_enabled": True}
    name = f"site-{next(_numbers)}"
    api("POST", "A/pages/projects", {"name": name, "source": {"type": "github", "config": config}})
    api("PATCH", f"A/pages/projects/{name}", pause)
    source = api("GET", f"A/pages/projects/{name}")["source"]
    assert source["type"] == "github"
    assert source["config"] | config | {"production_deployments_enabled": False} == source["config"]
    assert source["config"]["deployments_enabled"] is True  # what nobody named has a default
    for wrong in ({"type": "svn"}, {"config": {"production_deployments_enabled": "no"}}):
        assert api.raw("PATCH", f"A/pages/projects/{name}", json={"source": wrong}).status_code == 400


def test_domains(api: Api, http: requests.Session, project: str) -> None:
    domains, host = f"A/pages/projects/{project}/domains", f"{project}.mustbeviral.com"
    made = api("POST", domains, {"name": host})
    assert (made["name"], made["status"]) == (host, "active")
    assert api("POST", domains, {"name": "elsewhere.example"})["status"] == "pending"
    assert api.raw("POST", domains, json={"name": host}).status_code == 409
    assert [domain["name"] for domain in api("GET", domains)] == ["elsewhere.example", host]
    deployment = deploy(api, project, {"/index.html": INDEX % "here"})
    assert "here" in http.get(f"https://{host}/", timeout=10).text
    aliases = api("GET", f"A/pages/projects/{project}/deployments/{deployment['id']}")["aliases"]
    assert f"https://{host}" in aliases
    api("DELETE", f"{domains}/{host}")
    assert http.get(f"https://{host}/", timeout=10).status_code == 530


# --- direct upload


def test_upload_token(api: Api, project: str) -> None:
    token = api("GET", f"A/pages/projects/{project}/upload-token")["jwt"]
    head, body, signature = token.split(".")
    forged = [f"{head}.{body}.{signature[:-2]}xx", f"{head}.{body[:-2]}xx.{signature}", "nonsense", ""]
    for path, sent in [("check-missing", {"hashes": []}), ("upload", []), ("upsert-hashes", {"hashes": []})]:
        for bad in forged:
            answer = api.raw(
                "POST", f"/pages/assets/{path}", json=sent, headers={"authorization": f"Bearer {bad}"}
            )
            assert refusal(answer) == (401, 8000013)
        own = {"authorization": f"Bearer {token}"}
        assert api.raw("POST", f"/pages/assets/{path}", json=sent, headers=own).ok


def test_stages_progress(api: Api, project: str) -> None:
    answer = create(api, project, upload_files(api, project, {"/index.html": INDEX % "x"}))
    first = answer.json()["result"]
    assert (first["latest_stage"]["name"], first["latest_stage"]["status"]) == ("queued", "active")
    assert shown(api, project) == (None, first["id"])
    last = done(api, first)
    assert [stage["status"] for stage in last["stages"]] == ["success"] * 5
    assert last["url"] == f"https://{last['short_id']}.{project}.pages.dev"
    assert last["id"].startswith(last["short_id"])
    assert shown(api, project) == (first["id"], first["id"])
    log = api("GET", f"A/pages/projects/{project}/deployments/{first['id']}/history/logs")
    assert log["total"] == len(log["data"]) == 5


def test_functions_and_bad_manifests_are_refused(api: Api, project: str) -> None:
    bundle = create(api, project, {}, **{"_worker.bundle": ("_worker.bundle", "x")})
    assert refusal(bundle)[0] == 400 and "Functions" in bundle.json()["errors"][0]["message"]
    for manifest in ([], {"no-slash": "h"}, {"/index.html": 1}):
        assert create(api, project, manifest).status_code == 400
    assert api("GET", f"A/pages/projects/{project}/deployments") == []


def test_listing(api: Api, project: str) -> None:
    manifest = upload_files(api, project, {"/index.html": INDEX % "x"})
    made = [create(api, project, manifest).json()["result"] for _ in range(27)]
    preview = create(api, project, manifest, branch="trial").json()["result"]
    for deployment in [*made, preview]:
        done(api, deployment)
    path = f"A/pages/projects/{project}/deployments"
    newest_first = [deployment["id"] for deployment in reversed(made)]
    answer = api.raw("GET", f"{path}?env=production").json()
    assert [deployment["id"] for deployment in answer["result"]] == newest_first[:25]
    info = {"page": 1, "per_page": 25, "count": 25, "total_count": 27, "total_pages": 2}
    assert answer["result_info"] == info
    assert [d["id"] for d in api("GET", f"{path}?env=production&page=2")] == newest_first[25:]
    assert [d["id"] for d in api("GET", f"{path}?env=preview")] == [preview["id"]]
    assert api("GET", f"{path}?per_page=1")[0]["id"] == preview["id"]
    assert api.raw("GET", f"{path}?env=other").status_code == 400


# --- rollback


def test_rollback(api: Api, http: requests.Session, project: str) -> None:
    site = f"https://{project}.pages.dev/"
    one, two = (deploy(api, project, {"/index.html": INDEX % name}) for name in ("one", "two"))
    preview = deploy(api, project, {"/index.html": INDEX % "tried"}, branch="My/Trial")
    path = f"A/pages/projects/{project}/deployments"
    assert shown(api, project) == (two["id"], preview["id"])
    assert "two" in http.get(site, timeout=10).text

    rolled = api("POST", f"{path}/{one['id']}/rollback")
    assert rolled["id"] == one["id"]
    assert shown(api, project) == (one["id"], preview["id"])
    assert "one" in http.get(site, timeout=10).text
    api("POST", f"{path}/{two['id']}/rollback", {})  # forward again, with a body as old SDKs send it
    assert "two" in http.get(site, timeout=10).text
    api("POST", f"{path}/{one['id']}/rollback")

    # Every deployment keeps an address of its own, and a branch has one.
    assert "two" in http.get(two["url"] + "/", timeout=10).text
    for address in (preview["url"], f"https://my-trial.{project}.pages.dev"):
        answer = http.get(address + "/", timeout=10)
        assert "tried" in answer.text and answer.headers["x-robots-tag"] == "noindex"
    assert "x-robots-tag" not in http.get(site, timeout=10).headers

    three = deploy(api, project, {"/index.html": INDEX % "three"})
    assert shown(api, project) == (three["id"], three["id"])
    assert "three" in http.get(site, timeout=10).text


def test_rollback_refusals(api: Api, http: requests.Session, project: str) -> None:
    good = deploy(api, project, {"/index.html": INDEX % "good"})
    preview = deploy(api, project, {"/index.html": INDEX % "preview"}, branch="trial")
    failed = done(api, create(api, project, {"/index.html": "0" * 32}).json()["result"])
    stage = failed["latest_stage"]
    assert (stage["name"], stage["status"]) == ("deploy", "failure")
    path = f"A/pages/projects/{project}/deployments"
    log = api("GET", f"{path}/{failed['id']}/history/logs")["data"]
    assert "/index.html" in log[-1]["line"]

    running = create(api, project, {}).json()["result"]
    answers = [api.raw("POST", f"{path}/{d['id']}/rollback") for d in (preview, failed, running)]
    assert len({refusal(answer) for answer in answers}) == 1 and answers[0].status_code == 400
    assert "local_cloudflare's own" in answers[0].json()["errors"][0]["message"]
    unknown = api.raw("POST", f"{path}/00000000-0000-4000-8000-000000000000/rollback")
    assert unknown.status_code == 404 and refusal(unknown) != refusal(answers[0])
    other = api.raw("POST", f"A/pages/projects/none/deployments/{good['id']}/rollback")
    assert refusal(other) == (404, 8000007)


def test_retry_and_delete(api: Api, http: requests.Session, project: str) -> None:
    path = f"A/pages/projects/{project}/deployments"
    one = deploy(api, project, {"/index.html": INDEX % "one"})
    preview = deploy(api, project, {"/index.html": INDEX % "two"}, branch="trial")
    again = done(api, api("POST", f"{path}/{one['id']}/retry"))
    assert again["id"] != one["id"] and shown(api, project) == (again["id"], again["id"])
    assert api.raw("DELETE", f"{path}/{again['id']}").status_code == 400  # live
    assert api.raw("DELETE", f"{path}/{preview['id']}").status_code == 400  # has an alias
    api("DELETE", f"{path}/{preview['id']}?force=true")
    api("DELETE", f"{path}/{one['id']}")
    assert [d["id"] for d in api("GET", path)] == [again["id"]]
    assert http.get(preview["url"], timeout=10).status_code == 404


# --- serving


SITE = {
    "/index.html": INDEX % "home",
    "/about.html": INDEX % "about",
    "/docs/index.html": INDEX % "docs",
    "/name with space.txt": "spaced",
    "/app.js": "1;",
}


def get(http: requests.Session, address: str, **options: Any) -> requests.Response:
    return http.get(address, timeout=10, allow_redirects=False, **options)


def test_canonical_addresses(api: Api, http: requests.Session, project: str) -> None:
    deploy(api, project, SITE)
    root = f"https://{project}.pages.dev"
    for path, title in {"/": "home", "/about": "about", "/docs/": "docs"}.items():
        answer = get(http, root + path)
        assert answer.status_code == 200 and title in answer.text
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["cache-control"] == "public, max-age=0, must-revalidate"
        assert answer.headers["x-content-type-options"] == "nosniff"
    moved = {
        "/index.html": "/",
        "/index": "/",
        "/about.html?a=b": "/about?a=b",
        "/about/": "/about",
        "/docs": "/docs/",
        "/docs/index.html": "/docs/",
    }
    for path, location in moved.items():
        answer = get(http, root + path)
        assert (answer.status_code, answer.headers["location"]) == (308, location)
    assert get(http, root + "/name%20with%20space.txt").text == "spaced"
    assert "javascript" in get(http, root + "/app.js").headers["content-type"]
    assert http.post(root + "/", timeout=10).status_code == 405


def test_revalidation(api: Api, http: requests.Session, project: str) -> None:
    deploy(api, project, SITE)
    root = f"https://{project}.pages.dev/"
    etag = get(http, root).headers["etag"]
    for sent in (etag, f"W/{etag}", f'"other", {etag}'):
        answer = get(http, root, headers={"if-none-match": sent})
        assert (answer.status_code, answer.content) == (304, b"")
    assert get(http, root, headers={"if-none-match": '"other"'}).status_code == 200
    head = http.head(root, timeout=10)
    assert (head.status_code, head.headers["etag"], head.content) == (200, etag, b"")


def test_what_is_not_there(api: Api, http: requests.Session, project: str) -> None:
    root = f"https://{project}.pages.dev"
    assert get(http, root + "/").status_code == 404  # nothing deployed yet
    deploy(api, project, SITE)
    for path in ("/health", "/api/version", "/docs/none"):
        answer = get(http, root + path)  # a single-page application answers everything
        assert answer.status_code == 200 and "home" in answer.text
    pages = SITE | {"/404.html": "top", "/docs/404.html": "docs"}
    deploy(api, project, pages)
    for path, text in {"/none": "top", "/docs/none": "docs", "/docs/deep/none": "docs"}.items():
        answer = get(http, root + path)
        assert (answer.status_code, answer.text) == (404, text)
    deploy(api, project, {"/only.txt": "x"})
    assert get(http, root + "/none").status_code == 404


HEADERS = """\
# a comment
/*
  X-Frame-Options: DENY
  X-Two: first
/health
  Content-Type: application/json
/docs/*
  ! X-Frame-Options
  X-Two: second
/users/:name/*
  X-User: :name and :splat
https://other.example/*
  X-Other: yes
"""


def test_headers(api: Api, http: requests.Session, project: str) -> None:
    deploy(api, project, SITE, _headers=("_headers", HEADERS))
    root = f"https://{project}.pages.dev"
    home = get(http, root + "/").headers
    assert (home["x-frame-options"], home["x-two"]) == ("DENY", "first") and "x-other" not in home
    docs = get(http, root + "/docs/").headers
    assert "x-frame-options" not in docs and docs["x-two"] == "first, second"
    labelled = get(http, root + "/health")
    assert labelled.headers["content-type"] == "application/json" and "home" in labelled.text
    assert get(http, root + "/users/ada/a/b").headers["x-user"] == "ada and a/b"


REDIRECTS = """\
# from to code
/home / 301
/status https://api.mustbeviral.com/health
/blog/* /news/:splat 302
/people/:name/profile /users?name=:name 307
/shown /about 200
/* /index.html 200
/bad
"""


def test_redirects(api: Api, http: requests.Session, project: str) -> None:
    deploy(api, project, SITE, _redirects=("_redirects", REDIRECTS))
    root = f"https://{project}.pages.dev"
    expected = {
        "/home?a=b": (301, "/?a=b"),
        "/status": (302, "https://api.mustbeviral.com/health"),
        "/blog/2026/11": (302, "/news/2026/11"),
        "/people/ada/profile": (307, "/users?name=ada"),
    }
    for path, found in expected.items():
        answer = get(http, root + path)
        assert (answer.status_code, answer.headers["location"]) == found
    rewritten = get(http, root + "/shown")
    assert rewritten.status_code == 200 and "about" in rewritten.text
    assert "home" in get(http, root + "/anything").text and get(http, root + "/bad").status_code == 200


def test_a_stop_in_between_and_a_restart(tmp_path: Path) -> None:
    with start(tmp_path / "state") as instance:
        api = Api(instance)
        api("POST", "A/pages/projects", {"name": "site", "production_branch": "main"})
        manifest = upload_files(api, "site", {"/index.html": INDEX % "kept"})
        underway = create(api, "site", manifest).json()["result"]
        instance.process.kill()
        instance.process.wait()
    with start(tmp_path / "state") as instance:
        assert shown(Api(instance), "site") == (underway["id"], underway["id"])
        assert "kept" in edge.get(instance, "https://site.pages.dev/").text
