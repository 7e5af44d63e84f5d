"""What a change did to headers and certificate is said, and nothing else is blamed for it (S120, S123)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.module_utils.probe.posture import SECURITY, Posture, headers_lost, security_headers
from plugins.module_utils.verdict.posture import headers_check, headers_seen, tls_check

HSTS, CSP = "Strict-Transport-Security", "Content-Security-Policy"


def seen(headers: dict[str, str] | None = None, **changed: Any) -> Posture:
    shown = {"fingerprint": "a" * 64, "issuer": "a CA", "days": 80, **changed}
    expires = (datetime.now(UTC) + timedelta(days=shown["days"])).isoformat()
    return Posture(headers, "TLSv1.3", shown["fingerprint"], shown["issuer"], expires, "r1")


@pytest.mark.parametrize(
    ("headers", "in_force"),
    [
        ({HSTS: "max-age=31536000"}, {HSTS}),
        ({HSTS: "max-age=0"}, set()),
        ({HSTS: "includeSubDomains"}, set()),
        (
            {"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY"},
            {"X-Content-Type-Options", "X-Frame-Options"},
        ),
        ({"X-Content-Type-Options": "sniff", "X-Frame-Options": "ALLOW-FROM x"}, set()),
        ({CSP: " "}, set()),
        ({"Server": "x"}, set()),
    ],
)
def test_a_header_that_protects_nobody_is_not_in_force(headers: dict[str, str], in_force: set[str]) -> None:
    assert set(security_headers(headers)) == in_force


def headers(before: Posture | None, now: Posture, recorded: list[str] | None = None) -> tuple[str, str]:
    found = headers_check("auth", before, now, recorded=recorded, release="r1")
    return found["verdict"], found["detail"]


def test_a_header_that_is_gone_fails_and_is_named() -> None:
    before, now = seen({HSTS: "max-age=1", CSP: "x"}), seen({CSP: "x"})
    assert headers(before, now) == ("fail", f"gone since the change: {HSTS}")
    # The release had it when it was recorded, so going back to it explains nothing.
    assert headers(before, now, [HSTS])[0] == "fail"


def test_a_header_that_the_release_never_had_is_explained() -> None:
    verdict, detail = headers(seen({HSTS: "max-age=1", CSP: "x"}), seen({HSTS: "max-age=1"}), [HSTS])
    assert (verdict, detail) == ("pass", f"gone, as r1 never had it: {CSP}")


def test_a_header_that_says_something_else_is_shown() -> None:
    assert headers(seen({CSP: "x"}), seen({CSP: "y"})) == ("pass", f"says something else than before: {CSP}")


def test_what_was_not_known_before_is_held_against_the_record() -> None:
    assert headers(None, seen({}))[0] == "not applicable"
    assert headers(None, seen({}), [HSTS]) == ("fail", f"gone since r1 was recorded: {HSTS}")
    assert headers(None, seen({HSTS: "max-age=1"}), [HSTS])[0] == "pass"
    # An error page in front of the component has headers of its own.
    assert headers(seen(None), seen({}))[0] == headers(seen({}), seen(None))[0] == "not applicable"


@given(*[st.sets(st.sampled_from(sorted(SECURITY))) for _ in range(3)])
def test_every_header_that_is_gone_is_either_explained_or_not(
    before: set[str], now: set[str], recorded: set[str]
) -> None:
    lost, explained = headers_lost(before, now, recorded)
    assert set(lost) | set(explained) == before - now
    assert set(lost) == (before - now) & recorded
    assert headers_lost(before, now, None) == ([name for name in before if name not in now], [])


@pytest.mark.parametrize(
    ("now", "verdict", "says"),
    [
        (seen(), "pass", "the same certificate as before"),
        (
            seen(fingerprint="b" * 64, days=90),
            "pass",
            "changed from aaaaaaaaaaaa... to bbbbbbbbbbbb...: renewed by a CA",
        ),
        (seen(fingerprint="b" * 64, days=70), "inconclusive", "expires earlier, and nothing explains it"),
        (seen(fingerprint="b" * 64, issuer="another", days=90), "inconclusive", "from a CA to another"),
        (seen(days=5), "fail", "expires in 5 days, less than 14"),
    ],
)
def test_a_certificate_is_unchanged_or_explained(now: Posture, verdict: str, says: str) -> None:
    found = tls_check("auth", seen(), now, margin=14)
    assert (found["verdict"], says in found["detail"]) == (verdict, True), found
    # What is as expected needs no line.
    assert bool(found.get("quiet")) == (now.fingerprint == "a" * 64 and verdict == "pass")


def test_the_headers_of_the_last_answer_are_recorded() -> None:
    def probe(headers: list[str] | None, **more: Any) -> dict[str, Any]:
        return {"event": "probe", "component": "auth", "headers": headers, **more}

    events = [probe([HSTS]), probe([CSP], unseen=True), probe(None), {"event": "check"}]
    assert headers_seen(events, ["auth"]) == {"auth": [HSTS]}
    assert headers_seen(events, ["site"]) == {}
