"""Services that are wrong, each in a way of its own, over real TLS: none passes, and each is called what it is."""

from __future__ import annotations

import gzip
import json
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from plugins.module_utils.outcome import DONE, INVALID
from tests.support.certificates import Authority, self_signed
from tests.support.receivers import nobody
from tests.support.served import RESET, Answer, http, serving
from tests.support.validation import HEALTH, Validation

NAME = "auth.example.test"
DECLARED = {
    **HEALTH,
    "url": f"https://{NAME}/health",
    "headers": {"Strict-Transport-Security": "max-age=[1-9]"},
}
HSTS = "Strict-Transport-Security: max-age=31536000\r\n"
Way = Callable[[int], Answer | Iterable[Answer]]


def said(**changed: Any) -> bytes:
    told = {"status": "healthy", "version": "r1", "timestamp": time.time(), **changed}
    return json.dumps({name: value for name, value in told.items() if value is not None}).encode()


def well(status: int = 200, body: bytes | None = None, head: str = "") -> bytes:
    return http(status, said() if body is None else body, HSTS + head)


def always(make: Callable[[], bytes], seconds: float = 0) -> Way:
    """The same kind of answer to each request, made anew."""
    return lambda number: (seconds, make())


def body(content: Callable[[], bytes], status: int = 200, head: str = "") -> Way:
    return always(lambda: well(status, content(), head))


def drip(answer: bytes, pause: float) -> Iterator[Answer]:
    for byte in answer:
        yield pause, bytes([byte])


def endless(head: bytes, part: bytes) -> Iterator[Answer]:
    yield 0, head
    while True:
        yield 0, part


PAGE = b"<!doctype html><title>app</title><div id=root></div>"
HEAD = f"HTTP/1.1 200 OK\r\n{HSTS}".encode()
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"

WRONG: dict[str, tuple[Way, str]] = {
    "500": (body(said, 500), "status 500 instead of 200"),
    "503 with a right body": (body(said, 503), "status 503 instead of 200"),
    "404": (body(said, 404), "status 404"),
    "204": (always(lambda: b"HTTP/1.1 204 No Content\r\n\r\n"), "status 204"),
    "a redirect": (body(said, 302, "Location: /login\r\n"), "status 302 to /login"),
    "an application's page": (body(lambda: PAGE), "HTML, where JSON was expected: a single-page application"),
    "a page that calls itself JSON": (body(lambda: PAGE, head="Content-Type: application/json\r\n"), "HTML"),
    "text": (body(lambda: b"OK"), "the body is not JSON"),
    "not UTF-8": (body(lambda: b'{"status": "healthy\xff\xfe"}'), "the body is not JSON"),
    "an empty body": (body(lambda: b""), "the body is empty"),
    "degraded, with 200": (body(partial(said, status="degraded")), "it says status 'degraded'"),
    "no status": (body(partial(said, status=None)), "does not fulfil status == 'healthy'"),
    "a list": (body(lambda: b"[]"), "does not fulfil"),
    "another version": (body(partial(said, version="r2")), "serves version r2 instead of r1"),
    "no version": (body(partial(said, version=None)), "does not say its version"),
    "an old timestamp": (body(partial(said, timestamp=1)), "old: a stored answer"),
    "a timestamp of tomorrow": (body(lambda: said(timestamp=time.time() + 86400)), "in the future"),
    "no timestamp": (body(partial(said, timestamp=None)), "which is no time"),
    "a timestamp that is none": (body(partial(said, timestamp="now")), "'now', which is no time"),
    "a stored answer": (body(said, head="Age: 20\r\nCF-Cache-Status: HIT\r\n"), "a cache answered, 20 s"),
    "a header is missing": (always(lambda: http(200, said())), "Strict-Transport-Security is missing"),
    "a header says something else": (
        always(lambda: http(200, said(), "Strict-Transport-Security: max-age=0\r\n")),
        "Strict-Transport-Security does not match",
    ),
    "packed, unasked": (
        body(lambda: gzip.compress(said()), head="Content-Encoding: gzip\r\n"),
        "encoded as gzip, which was not asked for",
    ),
    "a bomb": (
        body(lambda: gzip.compress(bytes(900_000_000 // 100)), head="Content-Encoding: gzip\r\n"),
        "encoded as gzip",
    ),
    "garbage that calls itself packed": (
        body(lambda: b"\x00\x01", head="Content-Encoding: br\r\n"),
        "encoded as br",
    ),
    "broken off": (
        always(lambda: HEAD + b'Content-Length: 500\r\nConnection: close\r\n\r\n{"status":'),
        "in the middle of the answer",
    ),
    "broken off between chunks": (always(lambda: CHUNKED + b"Connection: close"), "in the middle"),
    "an endless body": (lambda number: endless(CHUNKED, b"10000\r\n" + bytes(65536) + b"\r\n"), "longer than 1 MB"),
    "an endless body without a length": (
        lambda number: endless(HEAD + b"\r\n", bytes(65536)),
        "longer than 1 MB",
    ),
    "endless headers": (lambda number: endless(HEAD, b"X-Filler: " + bytes(5000) + b"\r\n"), "is not HTTP"),
    "a huge body": (always(lambda: HEAD + b"Content-Length: 50000000\r\n\r\n"), "longer than 1 MB"),
    "a length that is none": (always(lambda: HEAD + b"Content-Length: -5\r\n\r\n"), "is not HTTP"),
    "slow": (always(well, 0.7), "took 0.7 s, more than 0.5 s"),
    "hangs": (always(well, 30), "no answer in time"),
    "headers drop by drop": (lambda number: drip(well(), 0.1), "no answer in time"),
    "a body drop by drop": (lambda number: [(0, HEAD + b"\r\n"), *drip(said(), 0.1)], "no answer in time"),
    "closes": (always(lambda: b""), "connection closed without an answer"),
    "resets": (always(lambda: RESET), "connection "),
    "speaks something else": (always(lambda: b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), "is not HTTP"),
}  # fmt: skip


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def secured(authority: Authority) -> ssl.SSLContext:
    return authority.server(NAME)


def look(
    tmp_path: Path, authority: Authority, address: str, declared: dict[str, Any] = DECLARED
) -> dict[str, Any]:
    """A validation of the tier quick."""
    asked = Validation(tmp_path, {"auth": declared}, connect_to=address, ca_file=str(authority.ca_file))
    return asked.validate()


def refused(result: dict[str, Any]) -> str:
    """The problems; fails when it passed."""
    (checked,) = result["checked"]
    assert checked["verdict"] == "fail", checked
    assert result["outcome"]["exit_code"] == INVALID
    assert json.loads(Path(result["files"]["json"]).read_text())["verdict"] == "fail"
    return "; ".join(checked["problems"])


def test_a_service_that_is_well_passes(tmp_path: Path, authority: Authority, secured: ssl.SSLContext) -> None:
    with serving(always(well), tls=secured) as server:
        result = look(tmp_path, authority, server.address)
    assert result["outcome"]["exit_code"] == DONE, result
    assert server.asked == 1


@pytest.mark.parametrize("kind", WRONG)
def test_a_service_that_is_wrong_does_not_pass(
    kind: str, tmp_path: Path, authority: Authority, secured: ssl.SSLContext
) -> None:
    way, says = WRONG[kind]
    began = time.monotonic()
    with serving(way, tls=secured) as server:
        problems = refused(look(tmp_path, authority, server.address))
    assert says in problems
    assert time.monotonic() - began < 5


CERTIFICATES: dict[str, tuple[Callable[[Authority], ssl.SSLContext], str]] = {
    "of another name": (lambda ca: ca.server("other.example.test"), "the certificate is for another name"),
    "expired": (lambda ca: ca.server(NAME, days=-2), "the certificate has expired"),
    "expiring": (lambda ca: ca.server(NAME, days=5), "the certificate expires in 5 days"),
    "self-signed": (lambda ca: self_signed(NAME), "the certificate is self-signed"),
    "of another CA": (
        lambda ca: Authority(ca.ca_file.parent, "another").server(NAME),
        "the certificate is not trusted",
    ),
}


@pytest.mark.parametrize("kind", CERTIFICATES)
def test_a_wrong_certificate_does_not_pass(kind: str, tmp_path: Path, authority: Authority) -> None:
    make, says = CERTIFICATES[kind]
    with serving(always(well), tls=make(authority)) as server:
        problems = refused(look(tmp_path, authority, server.address))
    assert says in problems


def test_tls_1_1_does_not_pass(tmp_path: Path, authority: Authority) -> None:
    old = authority.server(NAME)
    old.set_ciphers("DEFAULT@SECLEVEL=0")
    with pytest.warns(DeprecationWarning):
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with serving(always(well), tls=old) as server:
        problems = refused(look(tmp_path, authority, server.address))
    # Whether its alert arrives before the connection is gone, is up to it.
    assert problems in ("it does not speak TLS 1.2 or newer", "the TLS handshake was broken off")


def test_no_tls_at_all_does_not_pass(tmp_path: Path, authority: Authority) -> None:
    with serving(always(well)) as server:
        assert refused(look(tmp_path, authority, server.address)) == "no connection in time"


def test_nobody_there_does_not_pass(tmp_path: Path, authority: Authority) -> None:
    with nobody() as port:
        assert refused(look(tmp_path, authority, f"127.0.0.1:{port}")) == "connection refused"


def test_a_component_without_a_check_is_not_proved(tmp_path: Path, authority: Authority) -> None:
    result = look(tmp_path, authority, "", {"not_applicable": "it only consumes a queue"})
    assert result["outcome"]["verdict"] == "NOT PROVED"
    assert "no component has a check" in result["outcome"]["message"]


def test_a_retry_is_shown(tmp_path: Path, authority: Authority, secured: ssl.SSLContext) -> None:
    with serving(lambda number: (0, well(503 if number == 1 else 200)), tls=secured) as server:
        result = look(tmp_path, authority, server.address)
    assert result["outcome"]["exit_code"] == DONE
    assert any("attempt 2, after: status 503 instead of 200" in line for line in result["outcome"]["details"])


@pytest.mark.parametrize(
    ("way", "check"),
    [
        (lambda number: (0, well(503 if number % 5 == 0 else 200)), "error rate"),
        (lambda number: (0.7 if number % 10 == 0 else 0, well()), "latency"),
    ],
    ids=["one in five fails", "one in ten is slow"],
)
def test_what_a_single_request_would_miss_does_not_pass(
    way: Way, check: str, tmp_path: Path, authority: Authority, secured: ssl.SSLContext
) -> None:
    """The tier full: a request that succeeds proves little."""
    with serving(way, tls=secured) as server:
        asked = Validation(
            tmp_path, {"auth": DECLARED}, connect_to=server.address, ca_file=str(authority.ca_file)
        )
        result = asked.rates(load={"rate": 200, "seconds": 20})
    (found,) = [one for one in result["checks"] if one["check"] == check and one["component"] == "auth"]
    assert found["verdict"] != "pass", found
    assert result["outcome"]["exit_code"] != DONE
