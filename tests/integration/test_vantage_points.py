"""The contract from several places, through real proxies: a split is said as such, and so is a broken place."""

from __future__ import annotations

import json
import shutil
import ssl
import subprocess
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from plugins.module_utils.outcome import DONE, INVALID, NOT_PROVED
from plugins.module_utils.probe.load import Pace, run
from plugins.module_utils.probe.wire import Way
from tests.support.certificates import Authority
from tests.support.proxies import PASSWORD, USER, proxying
from tests.support.receivers import nobody, silent
from tests.support.served import http, serving
from tests.support.validation import HEALTH, Validation

NAME = "auth.example.test"
DECLARED = {**HEALTH, "url": f"https://{NAME}/health"}


def well(status: int = 200) -> bytes:
    return http(status, json.dumps({"status": "healthy", "version": "r1", "timestamp": time.time()}).encode())


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def tls(authority: Authority) -> ssl.SSLContext:
    return authority.server(NAME)


def look(tmp_path: Path, authority: Authority, here: str, *places: dict[str, str]) -> dict[str, Any]:
    asked = Validation(tmp_path, {"auth": DECLARED}, connect_to=here, ca_file=str(authority.ca_file))
    return asked.validate(vantage_points=list(places))


def from_there(result: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """By place: verdict and detail, from the file that CI reads."""
    checks = json.loads(Path(result["files"]["json"]).read_text())["checks"]
    return {
        check["check"].removeprefix("health from "): (check["verdict"], check["detail"])
        for check in checks
        if check["check"].startswith("health from ")
    }


@pytest.mark.parametrize("login", [False, True], ids=["open", "with a password"])
@pytest.mark.parametrize("kind", ["http", "socks5"])
def test_a_component_that_works_from_everywhere(
    kind: str, login: bool, tmp_path: Path, authority: Authority, tls: ssl.SSLContext
) -> None:
    user = f"{USER}:{quote(PASSWORD, safe='')}@" if login else ""
    with (
        serving(lambda number: (0, well()), tls=tls) as server,
        proxying(kind, {NAME: server.port}, login=login) as proxy,
    ):
        place = {"name": "fra", "proxy": f"{kind}://{user}{proxy.address}"}
        result = look(tmp_path, authority, "", place, {"name": "ams", "connect_to": server.address})
    # From here the name does not even resolve: it is asked without connect_to.
    assert from_there(result) == {
        "fra": ("pass", "it works from fra, and not from here"),
        "ams": ("pass", "it works from ams, and not from here"),
    }
    # The name goes to the proxy, which knows where it leads.
    assert proxy.asked == [NAME]
    assert result["outcome"]["exit_code"] == INVALID


def test_what_works_from_all_places_passes(tmp_path: Path, authority: Authority, tls: ssl.SSLContext) -> None:
    with (
        serving(lambda number: (0, well()), tls=tls) as server,
        proxying("socks5", {"127.0.0.1": server.port}) as proxy,
    ):
        place = {"name": "fra", "proxy": f"socks5://{proxy.address}"}
        result = look(tmp_path, authority, server.address, place)
    assert result["outcome"]["exit_code"] == DONE, result
    assert "1 of 1 components checked from 2 places" in result["outcome"]["message"]


def test_a_split_is_said_as_such(tmp_path: Path, authority: Authority, tls: ssl.SSLContext) -> None:
    with (
        serving(lambda number: (0, well()), tls=tls) as good,
        serving(lambda number: (0, well(503)), tls=tls) as bad,
        nobody() as port,
    ):
        result = look(
            tmp_path,
            authority,
            good.address,
            {"name": "fra", "connect_to": bad.address},
            {"name": "ams", "connect_to": f"127.0.0.1:{port}"},
        )
    assert from_there(result) == {
        "fra": ("fail", "it works from here, and not from fra: status 503 instead of 200"),
        "ams": ("fail", "it works from here, and not from ams: connection refused"),
    }
    assert result["outcome"]["exit_code"] == INVALID
    assert "auth (health from fra), auth (health from ams)" in result["outcome"]["message"]


@pytest.mark.parametrize(
    ("kind", "refuses", "verdict", "says"),
    [
        ("http", 403, "inconclusive", "not known from fra: the proxy refuses: it answers 403"),
        ("http", 407, "inconclusive", "not known from fra: the proxy refuses: it asks for a user and a password"),
        ("http", 504, "fail", "it works from here, and not from fra: the proxy cannot reach it (it answers 504)"),
        ("socks5", 2, "inconclusive", "not known from fra: the proxy refuses: its rules do not allow it"),
        ("socks5", 5, "fail", "it works from here, and not from fra: the proxy cannot reach it (connection refused)"),
        ("socks5", 6, "fail", "the proxy cannot reach it (no answer in time)"),
    ],
)  # fmt: skip
def test_a_place_that_is_broken_is_told_from_a_component_that_is(
    kind: str,
    refuses: int,
    verdict: str,
    says: str,
    tmp_path: Path,
    authority: Authority,
    tls: ssl.SSLContext,
) -> None:
    with serving(lambda number: (0, well()), tls=tls) as server, proxying(kind, {}, refuses=refuses) as proxy:
        place = {"name": "fra", "proxy": f"{kind}://{proxy.address}"}
        result = look(tmp_path, authority, server.address, place)
    found, detail = from_there(result)["fra"]
    assert (found, says in detail) == (verdict, True), detail
    assert result["outcome"]["exit_code"] == (INVALID if verdict == "fail" else NOT_PROVED)


def test_a_proxy_that_is_not_there_or_says_nothing_is_a_broken_place(
    tmp_path: Path, authority: Authority, tls: ssl.SSLContext
) -> None:
    with (
        serving(lambda number: (0, well()), tls=tls) as server,
        nobody() as port,
        silent() as mute,
        proxying("http", {}) as other,
    ):
        places = {
            "gone": f"http://127.0.0.1:{port}",
            "locked": f"socks5://{USER}:wrong@127.0.0.1:{other.port}",
            "mute": f"socks5://127.0.0.1:{mute}",
        }
        told = [{"name": name, "proxy": proxy} for name, proxy in places.items()]
        result = look(tmp_path, authority, server.address, *told)
    assert {name: verdict for name, (verdict, _) in from_there(result).items()} == dict.fromkeys(
        places, "inconclusive"
    )
    assert "the proxy does not answer: connection refused" in from_there(result)["gone"][1]


def test_a_password_of_a_proxy_is_nowhere(tmp_path: Path, authority: Authority) -> None:
    with nobody() as port:
        place = {"name": "fra", "proxy": f"http://me:canary-pass@127.0.0.1:{port}"}
        result = look(tmp_path, authority, f"127.0.0.1:{port}", place)
    written = "".join(path.read_text() for path in tmp_path.rglob("*") if path.suffix in (".json", ".jsonl"))
    assert "canary-pass" not in f"{result}{written}"


def test_many_requests_go_through_a_proxy_as_well(tls: ssl.SSLContext, authority: Authority) -> None:
    class Seen:
        def __init__(self) -> None:
            self.faults: list[str] = []

        def asked(self, name: str, number: int) -> None: ...

        def is_late(self, name: str, number: int) -> None: ...

        def answered(self, name: str, number: int, reply: Any) -> None:
            self.faults.append(reply.fault)

        def wants(self, name: str) -> bool:
            return len(self.faults) < 50

    seen = Seen()
    with (
        serving(lambda number: (0, well()), tls=tls) as server,
        proxying("socks5", {NAME: server.port}) as proxy,
    ):
        way = Way(DECLARED["url"], ca_file=str(authority.ca_file), proxy=f"socks5://{proxy.address}")
        done = run({"auth": way}, Pace(200, 20, 200, 50, 2, 5, 5), seen)["auth"]
    assert set(seen.faults) == {""}
    # Connections through it are kept.
    assert len(proxy.asked) == len(done.opened) < 50


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is the witness here, and is not installed")
@pytest.mark.parametrize("option", ["--proxy", "--socks5-hostname"])
def test_curl_finds_these_proxies_to_be_such(option: str, authority: Authority, tls: ssl.SSLContext) -> None:
    """What our client is held against is a proxy to others as well."""
    kind = "http" if option == "--proxy" else "socks5"
    with (
        serving(lambda number: (0, well()), tls=tls) as server,
        proxying(kind, {NAME: server.port}, login=True) as proxy,
    ):
        told = ["--proxy-user", f"{USER}:{PASSWORD}", "--cacert", str(authority.ca_file)]
        command = [
            "curl",
            "-sS",
            "--noproxy",
            "",
            option,
            proxy.address,
            *told,
            "--max-time",
            "10",
            DECLARED["url"],
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    assert json.loads(done.stdout)["version"] == "r1", done.stderr
