"""Versions kept for forensics, from a local Cloudflare."""

import json
import stat
from pathlib import Path

import pytest

from local_cloudflare.launch import Instance
from plugins.module_utils.cloudflare.client import Client
from plugins.module_utils.cloudflare.errors import CloudflareError, Refused
from plugins.module_utils.cloudflare.hold import hold
from plugins.module_utils.release.model import Component
from tests.support.api import WORKER, Api
from tests.support.client import client_of
from tests.support.pages import deploy
from tests.support.workers import new_name

BYTES = bytes(range(256)) + b"\r\n\n\r--x\r\n"


@pytest.fixture
def api(shared_api: Api) -> Api:
    return shared_api


@pytest.fixture
def client(shared: Instance, tmp_path: Path) -> Client:
    return client_of(shared, tmp_path / "runs")


def modes(folder: Path) -> set[int]:
    return {stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*") if path.is_file()}


def test_the_code_and_the_description_of_a_worker(api: Api, client: Client, tmp_path: Path) -> None:
    name = new_name("held")
    metadata = {
        "main_module": "main.js",
        "compatibility_date": "2026-04-01",
        "bindings": [{"type": "secret_text", "name": "KEY", "text": "canary-of-a-secret"}],
    }
    files = {
        "metadata": (None, json.dumps(metadata)),
        "main.js": ("main.js", WORKER % "bad", "application/javascript+module"),
        "lib/data.bin": ("lib/data.bin", BYTES, "application/octet-stream"),
        "../../escape.js": ("../../escape.js", "export default 1", "application/javascript+module"),
    }
    assert api.raw("PUT", f"A/workers/scripts/{name}", files=files).ok
    bad = api.live(name)["versions"][0]["version_id"]
    api.deploy(name, api.upload(name, "good"), force=True)

    folder, component = tmp_path / "kept", Component("auth-worker", "worker", name)
    mark = api.mark()
    kept = hold(client, component, bad, folder)
    own = folder / "auth-worker" / bad
    assert kept[0] == own / "version.json" and all(path.is_relative_to(own) for path in kept)
    assert {path.name for path in kept[1:]} == {"main.js", "lib%2Fdata.bin", "..%2F..%2Fescape.js"}
    assert (own / "code" / "main.js").read_text() == WORKER % "bad"
    assert (own / "code" / "lib%2Fdata.bin").read_bytes() == BYTES
    told = json.loads(kept[0].read_text())
    assert told["id"] == bad and {"name": "KEY", "type": "secret_text"} in told["resources"]["bindings"]
    assert modes(folder) == {0o600}
    assert not [path for path in folder.rglob("*") if path.is_file() and b"canary" in path.read_bytes()]

    calls = api.calls(mark, "knowngood")
    assert hold(client, component, bad, folder) == kept
    assert api.calls(mark, "knowngood") == calls


def test_the_description_and_the_log_of_a_pages_deployment(api: Api, client: Client, tmp_path: Path) -> None:
    site = Component("pages", "pages", new_name("held-site"))
    variables = {
        "KEY": {"type": "secret_text", "value": "canary-of-a-secret"},
        "MODE": {"type": "plain_text", "value": "plain"},
    }
    configs = {"production": {"env_vars": variables}}
    api("POST", "A/pages/projects", {"name": site.target, "deployment_configs": configs})
    bad = deploy(api, site.target, {"/index.html": "bad"})["id"]
    description, log = hold(client, site, bad, tmp_path / "kept")
    told = json.loads(description.read_text())
    assert told["id"] == bad and told["env_vars"]["MODE"]["value"] == "plain"
    assert "deploy: success" in log.read_text()
    assert modes(tmp_path / "kept") == {0o600}
    assert "canary" not in description.read_text() + log.read_text()


def test_what_was_cut_off_is_made_whole(api: Api, client: Client, tmp_path: Path) -> None:
    name = new_name("held")
    (bad,) = api.release(name, "bad")
    component = Component(name, "worker", name)
    first = hold(client, component, bad, tmp_path)
    first[0].unlink()  # a kill before the description, which is last
    (tmp_path / name / bad / "code" / "main.js").write_text("half")
    (tmp_path / name / bad / ".0123456789ab.partial").write_text("half")
    assert hold(client, component, bad, tmp_path) == first
    assert (tmp_path / name / bad / "code" / "main.js").read_text() == WORKER % "bad"


def test_errors_are_in_words(api: Api, client: Client, tmp_path: Path) -> None:
    name = new_name("held")
    (bad,) = api.release(name, "bad")
    component = Component(name, "worker", name)
    with pytest.raises(Refused, match="version_not_found"):
        hold(client, component, "00000000-0000-0000-0000-000000000000", tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(CloudflareError, match=r"was not kept in .*Not a directory"):
        hold(client, component, bad, tmp_path / "file")
