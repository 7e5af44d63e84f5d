"""What a component promises about its health, and whether an answer keeps the promise.

A status alone proves nothing: a single-page application answers 200 with HTML to every path, and a
cache answers for a service that is gone. So body, version and time are checked too; what a component
cannot say has to be declared, with the reason.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import jmespath
from jmespath.exceptions import JMESPathError

from .certificate import Certificate

__all__ = ["Answer", "Contract", "judge", "problems_of", "said_version"]

_SETTINGS = ("url", "status", "body", "text", "headers", "version", "fresh", "depends_on")
_SOURCES = ("json", "header", "text")
_IDENTITIES = ("release", "tag", "commit", "version_id")
# Epoch milliseconds passed this value in 2001, epoch seconds reach it in the year 33658.
_MILLISECONDS = 1e12
# Characters of an answer that are repeated at most; its body may hold anything, and is not ours to show.
_REPEATED = 60


@dataclass(frozen=True, slots=True)
class Contract:
    """A component's health contract, as the inventory declares it (docs/inventory.md)."""

    url: str
    status: tuple[int, ...]
    body: str | None
    text: str | None
    headers: Mapping[str, str]
    version: Mapping[str, str]
    fresh: Mapping[str, str]
    depends_on: tuple[str, ...]

    @classmethod
    def of(cls, declared: Mapping[str, Any]) -> Contract:
        """From a declaration in which :func:`problems_of` finds nothing."""
        status = declared.get("status", 200)
        return cls(
            url=declared["url"],
            status=tuple(status) if isinstance(status, list) else (int(status),),
            body=declared.get("body"),
            text=declared.get("text"),
            headers=declared.get("headers") or {},
            version=declared["version"],
            fresh=declared["fresh"],
            depends_on=tuple(declared.get("depends_on") or ()),
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer over HTTP; ``seconds`` is how long it took. Without TLS there is no ``certificate``."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float
    tls_version: str | None = None
    certificate: Certificate | None = None
    ray: str | None = None
    received: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def tls_days(self) -> float | None:
        """How long the certificate stays valid."""
        return None if self.certificate is None else self.certificate.days


def problems_of(declared: Any) -> list[str]:
    """What is wrong with a declared contract, one sentence each; empty when nothing is."""
    if not isinstance(declared, Mapping):
        return ["must be a mapping with url, version and fresh, or with not_applicable and the reason"]
    if "not_applicable" in declared:
        if not declared["not_applicable"]:
            return ["not_applicable needs the reason as its value"]
        return ["not_applicable stands alone: there is nothing to ask"] if len(declared) > 1 else []
    problems = _unknown_settings("", declared, _SETTINGS)
    if not _is_address(declared.get("url")):
        problems.append("url must be a whole address, for example https://auth.example.com/health")
    status = declared.get("status", 200)
    if not _is_status(status) and not (isinstance(status, list) and status and all(map(_is_status, status))):
        problems.append("status must be a number from 100 to 599, or a list of such")
    if not declared.get("body") and not declared.get("text"):
        problems.append(
            "body (a JMESPath condition) or text (a regular expression) is missing; a status proves nothing"
        )
    if declared.get("body") is not None:
        problems += _expression_problems("body", declared["body"])
    if declared.get("text") is not None:
        problems += _regexp_problems("text", declared["text"])
    headers = declared.get("headers") or {}
    if isinstance(headers, Mapping):
        for name, pattern in headers.items():
            problems += _regexp_problems(f"headers.{name}", pattern)
    else:
        problems.append("headers must be names with regular expressions")
    depends_on = declared.get("depends_on") or []
    if not isinstance(depends_on, list) or not all(isinstance(name, str) for name in depends_on):
        problems.append("depends_on must be a list of names")
    problems += _source_problems("version", declared.get("version"), needs_identity=True)
    problems += _source_problems("fresh", declared.get("fresh"), needs_identity=False)
    return problems


def judge(
    contract: Contract,
    answer: Answer,
    *,
    identity: Mapping[str, str | None] | None,
    max_skew: float,
    slow: float,
    tls_margin: float,
    said_before: str | None = None,
) -> list[str]:
    """What in ``answer`` breaks the contract; empty when it is kept.

    ``identity`` is what the expected version is called (``None``: any version will do). ``max_skew``
    and ``slow`` are seconds, ``tls_margin`` days. ``said_before`` is the version that it said before the switch.
    """
    problems = []
    if answer.status not in contract.status:
        to = f" to {_repeated(answer.headers['location'])}" if "location" in answer.headers else ""
        problems.append(f"status {answer.status}{to} instead of {' or '.join(map(str, contract.status))}")
    problems += _header_problems(contract, answer)
    document, unreadable = _document(contract, answer)
    if unreadable:
        problems.append(unreadable)
    else:
        problems += _body_problems(contract, answer, document)
        if identity is not None:
            problems += _version_problems(contract, answer, document, identity, said_before)
        problems += _freshness_problems(contract, answer, document, max_skew)
    if answer.seconds > slow:
        problems.append(f"took {answer.seconds:.1f} s, more than {slow:g} s")
    if answer.tls_version is not None and answer.tls_version not in ("TLSv1.2", "TLSv1.3"):
        problems.append(f"{answer.tls_version} is older than TLS 1.2")
    if answer.tls_days is not None and answer.tls_days < tls_margin:
        problems.append(f"the certificate expires in {answer.tls_days:.0f} days, less than {tls_margin:g}")
    return problems


def said_version(contract: Contract, answer: Answer) -> str | None:
    """The version as the answer gives it, if it gives one."""
    document, _ = _document(contract, answer)
    found = _find(contract.version, answer, document)
    return None if found is None else _repeated(found)


def _document(contract: Contract, answer: Answer) -> tuple[Any, str | None]:
    if not contract.body and "json" not in contract.version and "json" not in contract.fresh:
        return None, None
    try:
        return json.loads(answer.body), None
    except ValueError:
        start = answer.body[:200].lstrip().lower()
        if start.startswith((b"<!doctype", b"<html")):
            if answer.status not in contract.status:
                return None, "the body is HTML, where JSON was expected: an error page"
            return None, (
                "the body is HTML, where JSON was expected: a single-page application answers so to every path"
            )
        if (encoding := answer.headers.get("content-encoding", "identity")) != "identity":
            return None, f"the body is encoded as {_repeated(encoding)}, which was not asked for"
        return None, "the body is not JSON" if answer.body.strip() else "the body is empty"


def _header_problems(contract: Contract, answer: Answer) -> list[str]:
    problems = []
    for name, pattern in contract.headers.items():
        value = answer.headers.get(name)
        if value is None:
            problems.append(f"header {name} is missing")
        elif not re.search(str(pattern), value):
            problems.append(f"header {name} does not match {pattern}")
    return problems


def _body_problems(contract: Contract, answer: Answer, document: Any) -> list[str]:
    problems = []
    if contract.body:
        try:
            holds = jmespath.search(contract.body, document)
        except JMESPathError:
            holds = None
        if not holds:
            status = document.get("status") if isinstance(document, dict) else None
            told = f" (it says status {_repeated(status)!r})" if status is not None else ""
            problems.append(f"the body does not fulfil {contract.body}{told}")
    if contract.text and not re.search(contract.text, answer.body.decode("utf-8", "replace")):
        problems.append(f"the body does not match {contract.text}")
    return problems


def _version_problems(
    contract: Contract,
    answer: Answer,
    document: Any,
    identity: Mapping[str, str | None],
    said_before: str | None,
) -> list[str]:
    if "unknown" in contract.version:
        return []
    kind = contract.version["is"]
    expected = identity.get(kind) or (identity.get("release") if kind == "tag" else None)
    said = _find(contract.version, answer, document)
    if said is None:
        return ["does not say its version, although it is declared to"]
    if expected is None:
        return [f"says version {_repeated(said)}, and nothing tells what the {kind} should be"]
    same = _same_commit(str(said), expected) if kind == "commit" else str(said) == expected
    if same:
        return []
    constant = ""
    if _repeated(said) == said_before:
        constant = ", as before the switch: it did not move, or it says so whatever is deployed"
    return [f"serves version {_repeated(said)} instead of {expected}{constant}"]


def _same_commit(one: str, other: str) -> bool:
    length = min(len(one), len(other))
    return length >= 7 and one[:length] == other[:length]


def _freshness_problems(contract: Contract, answer: Answer, document: Any, max_skew: float) -> list[str]:
    if "unknown" in contract.fresh:
        return []
    value = _find(contract.fresh, answer, document)
    try:
        if isinstance(value, int | float):
            made = datetime.fromtimestamp(value / 1000 if value > _MILLISECONDS else value, UTC)
        else:
            made = datetime.fromisoformat(str(value))
            made = made if made.tzinfo else made.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        return [f"its timestamp is {_repeated(value)!r}, which is no time"]
    off = (answer.received - made).total_seconds()
    if abs(off) > max_skew:
        return [f"its timestamp is {abs(off):.0f} s {'old: a stored answer' if off > 0 else 'in the future'}"]
    age = answer.headers.get("age", "")
    # A store that is younger than the clocks may be apart would pass otherwise.
    return [f"a cache answered, {age} s after the component did"] if age.isdecimal() and int(age) else []


def _repeated(value: Any) -> str:
    return str(value)[:_REPEATED] if isinstance(value, str | int | float) else type(value).__name__


def _find(source: Mapping[str, str], answer: Answer, document: Any) -> Any:
    if "json" in source:
        try:
            return jmespath.search(source["json"], document)
        except JMESPathError:
            return None
    if "header" in source:
        return answer.headers.get(source["header"])
    if "text" in source:
        found = re.search(source["text"], answer.body.decode("utf-8", "replace"))
        return found.group(1) if found else None
    return None


def _source_problems(name: str, source: Any, *, needs_identity: bool) -> list[str]:
    if not isinstance(source, Mapping):
        return [f"{name} must be declared: one of {', '.join(_SOURCES)}, or unknown with the reason"]
    if "unknown" in source:
        return [] if source["unknown"] else [f"{name}.unknown needs the reason as its value"]
    settings = (*_SOURCES, "unknown", "is") if needs_identity else (*_SOURCES, "unknown")
    if unknown := _unknown_settings(f"{name}.", source, settings):
        return unknown
    given = [kind for kind in _SOURCES if kind in source]
    if len(given) != 1:
        return [f"{name} must have one of {', '.join(_SOURCES)}, or unknown with the reason"]
    if needs_identity and source.get("is") not in _IDENTITIES:
        return [f"{name}.is must be one of {', '.join(_IDENTITIES)}"]
    if given == ["json"]:
        return _expression_problems(f"{name}.json", source["json"])
    if given == ["text"]:
        return _regexp_problems(f"{name}.text", source["text"], groups=1)
    return [] if _is_text(source["header"]) else [f"{name}.header must be the name of a header"]


def _unknown_settings(prefix: str, declared: Mapping[Any, Any], known: tuple[str, ...]) -> list[str]:
    return [
        f"{prefix}{name} is no setting; there are {', '.join(known)}"
        for name in declared
        if name not in known
    ]


def _is_address(url: Any) -> bool:
    try:
        parts = urlsplit(url) if isinstance(url, str) else None
        return bool(parts and parts.scheme in ("http", "https") and parts.hostname and parts.port != 0)
    except ValueError:
        return False


def _is_status(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 100 <= value <= 599


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _expression_problems(name: str, expression: Any) -> list[str]:
    if not _is_text(expression):
        return [f"{name} must be text: a JMESPath expression"]
    try:
        jmespath.compile(expression)
    except JMESPathError:
        return [f"{name} is no JMESPath expression: {expression}"]
    return []


def _regexp_problems(name: str, pattern: Any, groups: int = 0) -> list[str]:
    if not _is_text(pattern):
        return [f"{name} must be text: a regular expression"]
    try:
        found = re.compile(pattern).groups
    except re.error as error:
        return [f"{name} is no regular expression: {error}"]
    return [] if found >= groups else [f"{name} needs a group in parentheses around the version"]
