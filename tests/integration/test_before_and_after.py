"""What a change did to components is said afterwards, on real services; and looking before it never holds it up."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from plugins.module_utils.outcome import DONE, INVALID, NOT_PROVED
from tests.support.certificates import Authority
from tests.support.receivers import nobody, silent
from tests.support.served import http, serving
from tests.support.validation import HEALTH, Validation

NAME = "auth.example.test"
DECLARED = {**HEALTH, "url": f"https://{NAME}/health"}
HSTS = "Strict-Transport-Security: max-age=31536000\r\n"
CSP = "Content-Security-Policy: default-src 'self'\r\n"


def well(head: str = "", *, version: str = "r1", status: int = 200) -> bytes:
    told = {"status": "healthy", "version": version, "timestamp": time.time()}
    return http(status, json.dumps(told).encode(), head)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


def asked(tmp_path: Path, authority: Authority, address: str, **probing: Any) -> Validation:
    told = {"connect_to": address, "ca_file": str(authority.ca_file), **probing}
    return Validation(tmp_path, {"auth": DECLARED}, **told)


def verdicts(result: dict[str, Any]) -> dict[str, tuple[str, str]]:
    read = json.loads(Path(result["files"]["json"]).read_text())
    return {check["check"]: (check["verdict"], check["detail"]) for check in read["checks"]}


def test_a_service_that_hangs_holds_nothing_up(tmp_path: Path, authority: Authority) -> None:
    with silent() as mute, nobody() as port:
        for address in (f"127.0.0.1:{mute}", f"127.0.0.1:{port}"):
            began = time.monotonic()
            result = asked(tmp_path, authority, address, seconds=0.4).before()
            assert result == {"seen": {}}
            assert time.monotonic() - began < 1.5
    events = [json.loads(line) for line in (tmp_path / "runs/one/journal.jsonl").read_text().splitlines()]
    assert [event["why"] for event in events if event["event"] == "before"] == [
        "no connection in time",
        "connection refused",
    ]


def test_an_unchanged_posture_passes(tmp_path: Path, authority: Authority) -> None:
    with serving(lambda number: (0, well(HSTS)), tls=authority.server(NAME)) as server:
        one = asked(tmp_path, authority, server.address)
        result = one.validate(before=one.before()["seen"], release="r1", came_before="switch")
    assert result["outcome"]["exit_code"] == DONE, result
    told = verdicts(result)
    assert told["headers"] == ("pass", "1 in force, as before")
    assert told["tls"][1].endswith("the same certificate as before")
    # What is as before needs no line.
    assert not any("headers" in line for line in result["outcome"]["details"])


def test_a_header_that_the_change_took_away_fails(tmp_path: Path, authority: Authority) -> None:
    answers = [well(HSTS + CSP), *[well(CSP)] * 3]
    with serving(lambda number: (0, answers[number - 1]), tls=authority.server(NAME)) as server:
        one = asked(tmp_path, authority, server.address)
        seen = one.before()["seen"]
        result = one.validate(before=seen, release="r1", came_before="switch")
        # It is recorded that the release never had it.
        explained = one.validate(
            before=seen, release="r1", recorded_headers={"auth": ["Content-Security-Policy"]}
        )
    assert result["outcome"]["exit_code"] == INVALID
    assert "auth (headers)" in result["outcome"]["message"]
    assert any(
        "gone since the change: Strict-Transport-Security" in line for line in result["outcome"]["details"]
    )
    assert explained["outcome"]["exit_code"] == DONE


def test_a_certificate_of_somebody_else_is_not_proved_to_be_ours(
    tmp_path: Path, authority: Authority
) -> None:
    other = Authority(authority.ca_file.parent, "somebody else")
    both = authority.ca_file.parent / "both.pem"
    both.write_text(authority.ca_file.read_text() + other.ca_file.read_text())
    with (
        serving(lambda number: (0, well()), tls=authority.server(NAME)) as first,
        serving(lambda number: (0, well()), tls=other.server(NAME)) as second,
    ):
        seen = asked(tmp_path, authority, first.address).before()["seen"]
        result = asked(tmp_path, authority, second.address, ca_file=str(both)).validate(before=seen)
    verdict, detail = verdicts(result)["tls"]
    assert (verdict, "from a test to somebody else, and nothing explains it" in detail) == (
        "inconclusive",
        True,
    )
    assert result["outcome"]["exit_code"] == NOT_PROVED


def test_a_version_that_is_always_the_same_is_recognised(tmp_path: Path, authority: Authority) -> None:
    with serving(lambda number: (0, well(version="1.0.0")), tls=authority.server(NAME)) as server:
        one = asked(tmp_path, authority, server.address)
        result = one.validate(before=one.before()["seen"])
    (problem,) = result["checked"][0]["problems"]
    assert problem == (
        "serves version 1.0.0 instead of r1, as before the switch: "
        "it did not move, or it says so whatever is deployed"
    )


def test_the_headers_of_an_error_page_are_not_the_component_s(tmp_path: Path, authority: Authority) -> None:
    def answer(number: int) -> tuple[float, bytes]:
        return 0, well("X-Frame-Options: SAMEORIGIN\r\n", status=500) if number == 1 else well()

    with serving(answer, tls=authority.server(NAME)) as server:
        one = asked(tmp_path, authority, server.address)
        result = one.validate(before=one.before()["seen"])
    assert result["outcome"]["exit_code"] == DONE, result
    assert verdicts(result)["headers"][0] == "not applicable"


def test_a_header_that_was_recorded_and_is_gone_fails_without_a_change_too(
    tmp_path: Path, authority: Authority
) -> None:
    recorded = {"auth": ["Strict-Transport-Security", "Content-Security-Policy"]}
    with serving(lambda number: (0, well(CSP)), tls=authority.server(NAME)) as server:
        one = asked(tmp_path, authority, server.address)
        lost = one.validate(release="r1", recorded_headers=recorded)
        told = verdicts(lost)["headers"]
        kept = one.validate(release="r1", recorded_headers={"auth": ["Content-Security-Policy"]})
    assert lost["outcome"]["exit_code"] == INVALID
    assert told == ("fail", "gone since r1 was recorded: Strict-Transport-Security")
    assert kept["outcome"]["exit_code"] == DONE


# --- behind the maintenance page

PAGE = {"hosts": [NAME], "since": "2026-11-27T06:00+00:00", "by": "ann@ops"}


def test_what_the_page_answers_for_is_neither_proved_nor_to_blame(
    tmp_path: Path, authority: Authority
) -> None:
    page = http(503, b"back soon", "Retry-After: 60\r\n")
    with serving(lambda number: (0, page), tls=authority.server(NAME)) as server:
        end = asked(tmp_path, authority, server.address, seconds=30).validate(maintenance=PAGE)["outcome"]
        assert server.asked == 1, "what cannot be seen is not waited for"
        unknown = asked(tmp_path, authority, server.address).validate()["outcome"]
    assert end["exit_code"] == NOT_PROVED
    assert "the maintenance page answers for auth, since 2026-11-27 06:00 UTC, by ann@ops" in end["message"]
    assert end["next"] == "ansible-playbook recovery.yml -i test -e step=maintenance -e state=off"
    assert unknown["exit_code"] == INVALID


def test_a_page_that_only_the_ledger_knows_of_hides_nothing(tmp_path: Path, authority: Authority) -> None:
    broken = http(500, b"no")
    for answer, code in ((well(), DONE), (broken, INVALID)):
        with serving(lambda number, answer=answer: (0, answer), tls=authority.server(NAME)) as server:
            end = asked(tmp_path, authority, server.address).validate(maintenance=PAGE)["outcome"]
        assert end["exit_code"] == code, end
    assert "page" not in end["message"]
    assert end["next"] == "ansible-playbook rollback.yml -i test"
