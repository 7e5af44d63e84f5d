"""The break-glass card: the exact calls for one environment, for curl alone, when nothing else is there. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from shlex import quote
from typing import Any

from ..dns.records import in_words, kinds_of, plain
from .routes import Step

__all__ = ["Code", "Facts", "Name", "Page", "Postgres", "TimeTravel", "card"]


@dataclass(frozen=True)
class Code:
    """A component, and the version of it that is known to be good. ``url`` is its health check, if it has one."""

    name: str
    kind: str
    target: str
    version: str
    url: str


@dataclass(frozen=True)
class TimeTravel:
    """A D1 database. ``bookmark`` is where it was when the release was recorded, ``None`` if nobody noted it."""

    name: str
    uuid: str
    bookmark: str | None


@dataclass(frozen=True)
class Postgres:
    """A PostgreSQL database, without its password. ``dump`` is its newest backup, empty if there is none."""

    name: str
    database: str
    host: str
    port: str
    user: str
    maintenance: str
    dump: str


@dataclass(frozen=True)
class Name:
    """A name in DNS. ``zone`` is an id; ``before`` are its records as the API tells them."""

    name: str
    zone: str
    before: Sequence[Mapping[str, Any]]
    failover: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Page:
    """The maintenance Worker, where it can be tried, and what puts it in front of the application."""

    worker: str
    url: str
    steps: Sequence[Step]


@dataclass(frozen=True)
class Facts:
    """``release`` is the one that is known to be good, ``evidence`` why. ``missing`` says what could not be read."""

    environment: str
    account: str
    api_url: str
    written: datetime
    release: str
    evidence: str
    code: Sequence[Code]
    d1: Sequence[TimeTravel] = ()
    postgres: Sequence[Postgres] = ()
    names: Sequence[Name] = ()
    page: Page | None = None
    contacts: Sequence[Mapping[str, Any]] = ()
    missing: Sequence[str] = field(default_factory=tuple)


def card(facts: Facts) -> str:
    """The card as Markdown. The same facts give the same card."""
    return "\n".join(_lines(facts)).rstrip() + "\n"


def _lines(facts: Facts) -> Iterator[str]:
    yield f"# Break-glass card: {facts.environment}"
    yield ""
    yield (
        f"Written {facts.written:%Y-%m-%d %H:%M} UTC, for the release **{facts.release}** ({facts.evidence}). "
        "Print it, or keep it where you can read it when nothing works. It holds no secret."
    )
    yield ""
    yield (
        "With Known Good at hand you need none of this: `ansible-playbook rollback.yml -i "
        f"{facts.environment}`, and `recovery.yml` for all else. Without it, curl and a shell do:"
    )
    yield ""
    yield "1. Is it Cloudflare itself? <https://www.cloudflarestatus.com>. If its API does not answer, what serves goes"
    yield "   on serving. Try again every minute."
    yield "2. `export CLOUDFLARE_API_TOKEN=...` (Workers Scripts, Workers Routes, Pages, D1 and DNS: Edit; Zone: Read)."
    yield '3. Do only the part that you need. Each answer has `"success":true`; a second time does no harm.'
    yield ""
    for what in facts.missing:
        yield f"> Not on this card: {what}"
        yield ""
    yield from _code(facts)
    yield from _page(facts)
    yield from _dns(facts)
    yield from _d1(facts)
    yield from _postgres(facts)
    yield from _contacts(facts)


def _code(facts: Facts) -> Iterator[str]:
    yield f"## Code: all of it back to {facts.release}"
    yield ""
    yield "All components, or the set is mixed. If a Worker is refused because a secret was changed since (code 10220),"
    yield "add `?force=true` to its address: the old value of the secret comes back with the version."
    for item in facts.code:
        yield ""
        yield f"{item.name} ({item.kind} {item.target}):"
        yield ""
        if item.kind == "pages":
            path = f"pages/projects/{item.target}/deployments/{item.version}/rollback"
            yield from _block(_call(facts, "POST", _account(facts, path)))
            continue
        body = {
            "strategy": "percentage",
            "versions": [{"version_id": item.version, "percentage": 100}],
            "annotations": {"workers/message": f"break glass: back to {facts.release}"},
            "code_update_strategy": {"mode": "immediate"},
        }
        path = f"workers/scripts/{item.target}/deployments"
        yield from _block(_call(facts, "POST", _account(facts, path), body))
    yield ""
    yield "Then look. The body must say that it is well; a status alone proves nothing:"
    yield ""
    yield from _block(*(f"curl -sS -i {quote(item.url)}" for item in facts.code if item.url), language="sh")


def _page(facts: Facts) -> Iterator[str]:
    page = facts.page
    if page is None:
        return
    yield ""
    yield "## Maintenance page: on"
    yield ""
    yield f"The Worker {page.worker}; <{page.url}> shows it at any time."
    yield ""
    on, off = [], []
    for step in page.steps:
        route, here = step.route, f"/zones/{step.route.zone}/workers/routes"
        body = {"pattern": route.pattern, "script": page.worker}
        # A deploy may make a route anew, so its id is asked for: the answer is cut into one route a line.
        id_ = (
            f"id=$({_call(facts, 'GET', here)} | tr '{{' '\\n' | grep -F {quote(json.dumps(route.pattern))} "
            "| grep -o '\"id\": *\"[0-9a-f]*\"' | grep -o '[0-9a-f]\\{32\\}')"
        )
        off.append(id_)
        if route.id:
            on += [id_, _call(facts, "PUT", f"{here}/$id", body)]
            off.append(_call(facts, "PUT", f"{here}/$id", {"pattern": route.pattern, "script": route.script}))
        else:
            on.append(_call(facts, "POST", here, body))
            off.append(_call(facts, "DELETE", f"{here}/$id"))
    yield from _block(*on)
    yield ""
    yield "## Maintenance page: off"
    yield ""
    yield from _block(*off)


def _dns(facts: Facts) -> Iterator[str]:
    for name in facts.names:
        if not name.failover:
            continue
        kinds = kinds_of([*name.before, *name.failover])
        before = [plain(record) for record in name.before if record["type"] in kinds]
        after = [plain(record) for record in name.failover]
        for title, target in (("to the other place", after), ("back", before)):
            yield ""
            yield f"## DNS: {name.name} {title}"
            yield ""
            yield f"{'; '.join(sorted(map(in_words, target))) or 'no record'}."
            yield "Answers of before live for up to 5 minutes, or as long as the TTL of the record says."
            yield ""
            yield from _block(*_batch(facts, name, kinds, target))


def _batch(
    facts: Facts, name: Name, kinds: Iterable[str], target: Sequence[Mapping[str, Any]]
) -> Iterator[str]:
    """All records of these types go and the others come, in one transaction."""
    here = f"/zones/{name.zone}/dns_records"
    yield "ids="
    for kind in kinds:
        listed = _call(facts, "GET", f"{here}?name.exact={name.name}&type={kind}")
        yield f'ids="$ids $({listed} | grep -o \'"id": *"[0-9a-f]\\{{32\\}}"\' | grep -o \'[0-9a-f]\\{{32\\}}\')"'
    yield 'deletes=$(for id in $ids; do printf \'{"id":"%s"},\' "$id"; done)'
    posts = json.dumps([{"name": name.name, **record} for record in target])
    data = f"'{{\"deletes\":['\"${{deletes%,}}\"'],\"posts\":'{quote(posts)}'}}'"
    yield _curl(facts, "POST", f"{here}/batch", data)


def _d1(facts: Facts) -> Iterator[str]:
    for item in facts.d1:
        here = _account(facts, f"d1/database/{item.uuid}/time_travel")
        yield ""
        yield f"## Data: {item.name} (D1), only if it is damaged"
        yield ""
        yield "**Everything written since is lost.** Write down `previous_bookmark` of the answer: the same call with"
        yield "it is the way back."
        if item.bookmark:
            yield f"This is where it was when {facts.release} was recorded:"
            yield ""
            yield from _block(_call(facts, "POST", f"{here}/restore?bookmark={item.bookmark}"))
            yield ""
            yield "Another moment of the last 30 days: ask for its bookmark, and restore that one instead."
        else:
            yield "Ask for the bookmark of a moment of the last 30 days, and restore that one:"
        yield ""
        moment = f"{facts.written:%Y-%m-%dT%H:%M:%SZ}"
        yield from _block(_call(facts, "GET", f"{here}/bookmark?timestamp={moment}"), language="sh")


def _postgres(facts: Facts) -> Iterator[str]:
    for item in facts.postgres:
        yield ""
        yield f"## Data: {item.name} (PostgreSQL), only if it is damaged"
        yield ""
        if not item.dump:
            yield "**There is no backup that this card could name.** Change nothing; call the database administrator."
            continue
        yield "**Everything written since the backup is lost.** It is restored beside the database; nothing is touched"
        yield "before the last two lines, which need the application stopped (maintenance page), and keep the old one."
        yield ""
        at = f"-h {quote(item.host)} -p {quote(item.port)} -U {quote(item.user)}"
        side, old = f"{item.database}_restored", f"{item.database}_damaged"
        yield from _block(
            f"psql {at} -d {quote(item.maintenance)} -c 'CREATE DATABASE \"{side}\" TEMPLATE template0'",
            f"pg_restore {at} --exit-on-error -d {quote(side)} {quote(item.dump)}",
            f"psql {at} -d {quote(side)} -c '\\dt+'   # is it what you expect?",
            f'psql {at} -d {quote(item.maintenance)} -c \'ALTER DATABASE "{item.database}" RENAME TO "{old}"\'',
            f'psql {at} -d {quote(item.maintenance)} -c \'ALTER DATABASE "{side}" RENAME TO "{item.database}"\'',
            language="sh",
        )


def _contacts(facts: Facts) -> Iterator[str]:
    if not facts.contacts:
        return
    yield ""
    yield "## Whom to call"
    yield ""
    for person in facts.contacts:
        yield f"* {person.get('name')}, {person.get('role')}: {person.get('how')} {person.get('to')}"
    yield "* Cloudflare: <https://dash.cloudflare.com/?to=/:account/support>, with the `cf-ray` of an answer"


def _block(*lines: str, language: str = "bash") -> Iterator[str]:
    yield f"```{language}"
    yield from lines
    yield "```"


def _account(facts: Facts, path: str) -> str:
    return f"/accounts/{facts.account}/{path}"


def _call(facts: Facts, method: str, path: str, body: object = None) -> str:
    return _curl(facts, method, path, None if body is None else quote(json.dumps(body)))


def _curl(facts: Facts, method: str, path: str, data: str | None) -> str:
    """One line; ``data`` is a word of the shell."""
    how = "" if method == "GET" else f" -X {method}"
    sent = "" if data is None else f" -H 'Content-Type: application/json' --data {data}"
    # An id from a line before is the shell's to fill in.
    url = f'"{facts.api_url}{path}"'
    return f'curl -sS --fail-with-body{how} {url} -H "Authorization: Bearer $CLOUDFLARE_API_TOKEN"{sent}'
