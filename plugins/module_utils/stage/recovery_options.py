"""The decision card: how things are, which steps there are, what each would do, and the command. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..cloudflare.errors import CloudflareError
from ..concurrent import each
from ..dns.records import changes, in_words, kinds_of
from ..dns.zone import read_records, zone_id
from ..ledger.errors import LedgerError
from ..outcome import DONE, outcome
from ..probe.check import Limits, check
from ..probe.connect import Connector
from ..recovery.hidden import hidden, since, told
from ..recovery.page import own_address, read_routes, what_it_says, zones_of
from ..recovery.routes import takeover
from ..release.live import live_release
from .options import CLOUDFLARE, COMPONENTS, DATABASES, GROUPING, LEDGER, MAINTENANCE, NAMES, PROBING, RUN
from .task import Task, Unreadable

__all__ = ["SPEC", "work"]

SPEC: dict[str, Any] = {
    **RUN,
    **CLOUDFLARE,
    **COMPONENTS,
    **GROUPING,
    **DATABASES,
    **LEDGER,
    **NAMES,
    **MAINTENANCE,
    **PROBING,
    "contacts": {"type": "list", "elements": "str", "default": []},
    "card": {"type": "path", "required": True},
}

Look = Callable[[Task], str]
_ON = "ON NOW"
_READY = "ready"
_MISSING = "is declared"
_AND = " / "


def work(task: Task) -> dict[str, Any]:
    """Look at everything at once. What cannot be read is said to be so, and stops nothing: it is why one is here."""
    environment = task.params["environment_name"]
    looks: dict[str, Look] = {
        "release": _release,
        "health": _health,
        "maintenance": _maintenance,
        "failover": _failover,
        "database": _databases,
        "configuration": _configuration,
        "escalate": _contacts,
        "card": _card,
    }
    with task.journal.stage("recovery", environment=environment):
        found = dict(zip(looks, each(lambda look: look(task), looks.values()), strict=True))
        said = {name: _said(answer) for name, answer in found.items()}
        task.journal.write("recovery.options", **said)
    command = f"ansible-playbook recovery.yml -i {environment} -e step="
    off = {name: " -e state=off" if _is_on(there) else "" for name, there in said.items()}
    if off["maintenance"] and task.params["maintenance"].get("worker") and not _noted(task):
        off["maintenance"] += " -e snapshot=.runs/<run>/routes.json"
    steps = [("rollback", said["release"], f"ansible-playbook rollback.yml -i {environment}")]
    steps += [(name, said[name], f"{command}{name}{off[name]}") for name in list(looks)[2:]]
    details = [f"{'health':<13}  {said['health']}"]
    for name, there, how in steps:
        details += [f"{name:<13}  {there}", *([] if _is_missing(there) else [f"{'':<13}  {how}"])]
    page = f"ansible-playbook rollback.yml -i {environment}"
    if any(f"{_READY}{sign}" in said["maintenance"] for sign in ":,"):
        page = f"do users see errors? then at once: {command}maintenance"
    if _is_on(said["maintenance"]):
        page = f"when the application works again: {command}maintenance{off['maintenance']}"
    message = f"nothing was changed in {environment}; these are the steps, the rollback first"
    end = outcome(DONE, message, next_=page, details=details)
    return {"options": said, "outcome": end}


def _is_on(there: str) -> bool:
    return _ON in there


def _is_missing(there: str) -> bool:
    """Whether there is nothing that the command could do."""
    return all(_MISSING in part for part in there.split(_AND))


def _said(answer: str | Exception) -> str:
    if isinstance(answer, Unreadable):
        return f"not known: {'; '.join(answer.problems)}"
    if isinstance(answer, CloudflareError | LedgerError | ValueError | OSError):
        return f"not known: {answer}"
    if isinstance(answer, Exception):
        raise answer
    return answer


def _release(task: Task) -> str:
    states = task.states()
    live, misfits = live_release(states, task.releases(states))
    serves = f"serves {live.name}" if live else "serves no release"
    if misfits:
        serves += f", except {', '.join(misfits)}"
    known = task.known
    good = [
        release.name
        for release in known.releases
        if release.evidence
        and release.evidence.verdict == "pass"
        and not known.condemned_release(release.name)
    ]
    unfinished = f"; run {known.unfinished.run} did not end" if known.unfinished else ""
    return f"{serves}; known to be good: {', '.join(good[:3]) or 'none'}{unfinished}"


def _health(task: Task) -> str:
    contracts, behind = task.asked, _behind(task)
    limits = Limits(0, task.limits.max_skew, task.limits.slow, task.limits.tls_margin)
    answers = each(
        lambda item: check(task.connector, item[0], item[1], limits, identity=None, journal=task.journal),
        [item for item in contracts.items() if item[0] not in behind],
    )
    bad: dict[str, list[str]] = {}
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
        if answer.verdict != "pass":
            bad.setdefault(answer.problems[0], []).append(answer.component)
    kept = len(answers) - sum(map(len, bad.values()))
    well = f"{kept} of {len(contracts)} components keep their contract"
    well += "".join(f"; not: {', '.join(names)} ({problem})" for problem, names in bad.items())
    return f"{well}; behind the maintenance page: {', '.join(behind)}" if behind else well


def _behind(task: Task) -> list[str]:
    return hidden(task.connector, _noted(task), task.asked)


def _noted(task: Task) -> dict[str, Any]:
    try:
        return told(task.known.maintenance)
    except LedgerError:
        # Another look says so.
        return {}


def _maintenance(task: Task) -> str:
    page = task.params["maintenance"]
    noted = _noted(task)
    when = f", {since(noted)}" if noted else ""
    if page.get("names"):
        there = _by_dns(task, page["names"], "none is declared (maintenance.records)")
        if _is_on(there):
            return f"{there}{when} ({page['url']})"
        wrong = what_it_says(Connector(), page["url"])
        return f"NOT READY: {page['url']} gives {wrong}" if wrong else f"{there} ({page['url']})"
    if not page.get("worker"):
        return "no page is declared (maintenance in group_vars)"
    hosts = zones_of(task.client, page["hosts"])
    routes = read_routes(task.client, sorted(set(hosts.values())))
    names = ", ".join(hosts)
    if not takeover(routes, hosts, page["worker"]):
        return f"{_ON}{when or ', of which the ledger knows nothing'}: {page['worker']} on {names}"
    url = own_address(task.client, page["worker"])
    wrong = what_it_says(task.connector, url)
    return f"NOT READY: {url} gives {wrong}" if wrong else f"ready: {page['worker']} on {names}"


def _failover(task: Task) -> str:
    names = task.params["names"]
    return _by_dns(task, names, "none is declared (dns_failover)") or "no name is declared (group dns)"


def _by_dns(task: Task, names: Sequence[Mapping[str, Any]], none: str) -> str:
    """Whether each name leads to its other place, or could be led there."""

    def one(item: Mapping[str, Any]) -> str:
        zone = zone_id(task.client, item["zone"])
        now = read_records(task.client, zone, item["name"], kinds_of([*item["records"], *item["failover"]]))
        other = "; ".join(sorted(map(in_words, item["failover"])))
        if not item["failover"]:
            return f"{item['name']}: {none}"
        if not changes(item["name"], now, item["failover"]):
            return f"{item['name']}: {_ON}, {other}"
        drift = "" if not changes(item["name"], now, item["records"]) else ", and not as declared now"
        return f"{item['name']}: ready, to {other}{drift}"

    return _AND.join(map(_said, each(one, names)))


def _databases(task: Task) -> str:
    def one(declared: Mapping[str, Any]) -> str:
        if declared["kind"] == "d1":
            return f"{declared['name']}: any moment of the last 30 days (-e moment=)"
        # The drivers behind it are slow to load, and most environments have none.
        from ..database.postgres import newest_backup
        from ..postgres.connect import Server

        folder = (declared["backups"] or {}).get("folder")
        server = Server.of(declared["dsn"], maintenance_name=declared["maintenance"])
        found = newest_backup(Path(folder), server.name) if folder else None
        if found is None:
            return f"{declared['name']}: NO BACKUP"
        hours = (datetime.now(UTC) - found.manifest.moment).total_seconds() / 3600
        return f"{declared['name']}: a backup of {hours:.1f} h ago ({found.manifest.rows} rows)"

    return _AND.join(map(_said, each(one, task.params["databases"]))) or "no database is declared"


def _configuration(task: Task) -> str:
    known = task.known
    found = next((release for release in known.releases if release.config), None)
    return f"routes and crons as recorded with {found.name}" if found else "the ledger recorded none"


def _contacts(task: Task) -> str:
    return (
        f"calls {', '.join(task.params['contacts'])}"
        if task.params["contacts"]
        else "nobody is declared (contacts)"
    )


def _card(task: Task) -> str:
    path = Path(task.params["card"])
    return str(path) if path.is_file() else f"there is none yet ({path})"
