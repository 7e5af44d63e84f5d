"""Make the DNS records of names what they shall be: kept first, changed in one batch, proved by asking DNS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ..cloudflare.errors import CloudflareError
from ..concurrent import each
from ..dns.check import Asked, Name, settled
from ..dns.records import changes, difference, in_words, kinds_of, longest_ttl, plain, problems_of
from ..dns.zone import load, make_true, read_records, save, zone_id
from ..outcome import DONE, FAILED, INVALID, NOT_PROVED, PARTIAL, REFUSED, outcome
from ..probe.connect import Connector
from ..recovery.page import what_it_says
from .noted import has_ledger, note
from .options import CLOUDFLARE, LOCKED, NAMES, RUN
from .task import Task

__all__ = ["SPEC", "work"]

SPEC: dict[str, Any] = {
    **RUN,
    **CLOUDFLARE,
    **LOCKED,
    **NAMES,
    "state": {"type": "str", "choices": ["records", "failover"], "default": "records"},
    "snapshot": {"type": "str", "default": ""},
    "seconds": {"type": "float", "default": 30},
    "page": {"type": "str", "default": ""},
    "step": {"type": "str", "choices": ["failover", "maintenance"], "default": "failover"},
}

# For how long Cloudflare lets it be remembered that a name has nothing (SOA minimum).
_NEGATIVE = 1800


@dataclass(frozen=True)
class _Change:
    """``zone`` is an id; ``before`` and ``wanted`` are records of the types ``kinds``."""

    component: str
    name: Name
    zone: str
    kinds: tuple[str, ...]
    before: list[dict[str, Any]]
    wanted: list[dict[str, Any]]

    @property
    def needed(self) -> bool:
        return bool(changes(self.name.name, self.before, self.wanted))

    @property
    def old_answers(self) -> int:
        """Seconds that an answer of before may be remembered."""
        return longest_ttl(self.before, _NEGATIVE)


def work(task: Task) -> dict[str, Any]:
    """Read all, then change all, then ask until everybody says so or the time is up."""
    params = task.params
    try:
        names = _of_snapshot(params) if params["snapshot"] else params["names"]
    except ValueError as error:
        next_ = f"ansible-playbook recovery.yml -i {params['environment_name']} shows what there is"
        return {"outcome": outcome(REFUSED, f"nothing was changed: {error}", next_=next_)}
    if not names:
        return {"outcome": _nothing_declared(params)}
    # DNS that leads to a page that is none would be worse than errors.
    if params["page"] and not _leads_back(params) and (wrong := what_it_says(Connector(), params["page"])):
        message = f"nothing was changed: {params['page']} shows no maintenance page: {wrong}"
        return {"outcome": outcome(REFUSED, message, next_="bring the page back, or correct maintenance.url")}
    read = each(lambda item: _read(task, item), names)
    if problems := _problems(names, read):
        message = "nothing was changed: the records could not be read"
        return {"outcome": outcome(REFUSED, message, next_="put right what is said above", details=problems)}
    todo = [item for item in read if isinstance(item, _Change)]
    diff = [{"header": item.name.name, **difference(item.before, item.wanted)} for item in todo]
    result: dict[str, Any] = {"diff": diff, "changed": any(item.needed for item in todo), "names": []}
    if task.check_mode:
        message = "only a check, nothing was changed: records of "
        message += ", ".join(item.name.name for item in todo if item.needed) or "no name"
        return {
            **result,
            "outcome": outcome(DONE, f"{message} would change", next_=_command(params), details=_told(todo)),
        }
    folder = task.journal.path.parent / "dns"
    try:
        kept = [save(folder, i.name.zone, i.name.name, i.kinds, i.before) for i in todo if i.needed]
    except OSError as error:
        message = f"nothing was changed: the records as they are cannot be kept in {folder}: {error.strerror}"
        return {"outcome": outcome(REFUSED, message, next_="make room there, or correct runs_dir")}
    return {**result, **_change(task, todo, [str(path) for path in kept])}


def _nothing_declared(params: Mapping[str, Any]) -> dict[str, Any]:
    if params["step"] == "maintenance":
        message = "nothing was changed: no maintenance page is declared"
        return outcome(REFUSED, message, next_="declare maintenance (docs/recovery.md)")
    message = "nothing was changed: no name of the group dns has records for this"
    return outcome(REFUSED, message, next_="declare dns_failover (docs/recovery.md)")


def _command(params: Mapping[str, Any]) -> str:
    """What does this, to be given without ``--check``."""
    snapshot = f" -e snapshot={params['snapshot']}" if params["snapshot"] else ""
    back = "" if params["state"] == "failover" else " -e state=off"
    return f"{_step(params)}{back}{snapshot}"


def _is_page(task: Task) -> bool:
    """Whether this is to be noted in the ledger: then what the names answer is no word on the components."""
    return task.params["step"] == "maintenance" and has_ledger(task)


def _leads_back(params: Mapping[str, Any]) -> bool:
    return params["state"] == "records" or bool(params["snapshot"])


def _step(params: Mapping[str, Any]) -> str:
    return f"ansible-playbook recovery.yml -i {params['environment_name']} -e step={params['step']}"


def _of_snapshot(params: Mapping[str, Any]) -> list[dict[str, Any]]:
    told = load(Path(params["snapshot"]))
    for item in params["names"]:
        if item["name"] == told["name"]:
            return [{**item, "records": told["records"], "kinds": told["kinds"]}]
    raise ValueError(f"{told['name']} is no name of the group dns, so {params['snapshot']} is not for it")


def _read(task: Task, item: Mapping[str, Any]) -> _Change:
    wanted = (
        item["failover"] if task.params["state"] == "failover" and "kinds" not in item else item["records"]
    )
    if "kinds" not in item and (wrong := problems_of(wanted)):
        raise ValueError("; ".join(wrong))
    name = Name(item["zone"], item["name"], item["authority"], item["resolvers"])
    # What one state of a name has and the other has not, goes.
    kinds = tuple(item.get("kinds") or kinds_of([*item["records"], *item["failover"]]))
    zone = zone_id(task.client, item["zone"])
    before = read_records(task.client, zone, item["name"], kinds)
    return _Change(item["component"], name, zone, kinds, before, [plain(record) for record in wanted])


def _change(task: Task, todo: Sequence[_Change], kept: list[str]) -> dict[str, Any]:
    params, environment = task.params, task.params["environment_name"]
    trouble = ""
    with task.keeping_lock(), task.journal.stage("dns"):
        if _is_page(task) and not _leads_back(params) and any(item.needed for item in todo):
            names = {item.name.name: item.wanted for item in todo}
            trouble = note(task, {"on": True, "worker": "", "routes": [], "names": names})
        written = each(
            lambda item: make_true(task.client, item.zone, item.name.name, item.kinds, item.wanted), todo
        )
        changed_at = datetime.now(UTC)
        for item, wrote in zip(todo, written, strict=True):
            _note(task, item, wrote)
        moved = [item for item, wrote in zip(todo, written, strict=True) if isinstance(wrote, bool)]
        asked = each(
            lambda item: settled(item.name, item.wanted, params["seconds"]), [i for i in moved if i.wanted]
        )
    proofs: dict[str, Asked] = {}
    for item, proof in zip([item for item in moved if item.wanted], asked, strict=True):
        if isinstance(proof, Exception):
            raise proof
        proofs[item.component] = proof
        verdict = proof.verdict
        task.journal.write(
            "check", component=item.component, check="dns", verdict=verdict.verdict, detail=verdict.detail
        )
    details = _told(todo)
    details += [f"{name}: {proof.verdict.detail}" for name, proof in proofs.items()]
    details += [f"{item.name.name}: {wrote}" for item, wrote in zip(todo, written, strict=True)
                if isinstance(wrote, Exception)]  # fmt: skip
    details += [f"as it was: {path}" for path in kept]
    if _is_page(task) and _leads_back(params) and len(moved) == len(todo):
        trouble = note(task, {"on": False, "worker": "", "routes": []})
    details += [trouble] if trouble else []
    next_ = f"ansible-playbook validate.yml -i {environment} --tags quick"
    if not _leads_back(params):
        next_ = f"{_step(params)} -e state=off"
    what = ", ".join(item.name.name for item in todo)
    if len(moved) < len(todo):
        code = PARTIAL if any(wrote is True for wrote in written) else FAILED
        failed = ", ".join(item.name.name for item in todo if item not in moved)
        return {"outcome": outcome(code, f"DNS of {failed} was not changed", next_="give the same command again",
                                   details=details)}  # fmt: skip
    told = [
        {
            "component": item.component,
            "name": item.name.name,
            "changed": wrote,
            "old_answers": item.old_answers,
        }
        for item, wrote in zip(todo, written, strict=True)
    ]
    verdicts = {proof.verdict.verdict for proof in proofs.values()}
    changed = any(wrote is True for wrote in written)
    if not verdicts <= {"pass"}:
        end = _not_everywhere(what, todo, proofs, changed_at, next_, details, changed=changed)
    else:
        does = "leads to the maintenance page" if params["page"] and not _leads_back(params) else "is changed"
        claim = f"{does}, and everybody who was asked says so" if changed else "is so already"
        end = outcome(DONE, f"DNS of {what} {claim}", next_=next_, details=details)
    return {"names": told, "snapshots": kept, "changed": changed, "outcome": end}


def _not_everywhere(
    what: str,
    todo: Sequence[_Change],
    proofs: Mapping[str, Asked],
    changed_at: datetime,
    next_: str,
    details: list[str],
    *,
    changed: bool,
) -> dict[str, Any]:
    """The records are right; some servers say something else, which a change makes them do for as long as a TTL."""
    late = [
        item for item in todo if item.component in proofs and proofs[item.component].verdict.verdict != "pass"
    ]
    stale = max(proofs[item.component].verdict.stale for item in late)
    if stale and changed:
        until = changed_at + timedelta(seconds=max(item.old_answers for item in late))
        said = f"some resolvers say what was before, for up to {stale} s more (until {until:%H:%M:%S} UTC at most)"
        return outcome(NOT_PROVED, f"DNS of {what} is changed, but {said}", next_=next_, details=details)
    failed = any(proof.verdict.verdict == "fail" for proof in proofs.values())
    said = "DNS does not say what the records say" if failed else "nobody could be asked"
    return outcome(
        INVALID if failed else NOT_PROVED,
        f"the records of {what} are right, but {said}",
        next_=next_,
        details=details,
    )


def _note(task: Task, item: _Change, wrote: bool | Exception) -> None:
    told = {"component": item.component, "name": item.name.name}
    if isinstance(wrote, CloudflareError):
        task.journal.write("dns.failed", **told, problem=str(wrote))
    elif isinstance(wrote, Exception):
        raise wrote
    elif wrote:
        sides = {"before": item.before, "after": item.wanted}
        lines = {side: sorted(map(in_words, records)) for side, records in sides.items()}
        task.journal.write("dns.changed", **told, **lines, old_answers=item.old_answers)


def _problems(names: Sequence[Mapping[str, Any]], read: Sequence[_Change | Exception]) -> list[str]:
    found = []
    for item, done in zip(names, read, strict=True):
        if isinstance(done, CloudflareError | ValueError):
            found.append(f"{item['component']}: {done}")
        elif isinstance(done, Exception):
            raise done
    return found


def _told(todo: Sequence[_Change]) -> list[str]:
    lines = []
    for item in todo:
        if not item.needed:
            lines.append(f"{item.name.name}: {_records(item.wanted)}, as it is")
            continue
        lines.append(f"{item.name.name}: {_records(item.before)} -> {_records(item.wanted)}")
        lines.append(f"{item.name.name}: answers of before may be remembered for {item.old_answers} s")
    return lines


def _records(records: Sequence[Mapping[str, Any]]) -> str:
    return "; ".join(sorted(map(in_words, records))) or "nothing"
