"""Tell people how a run goes, beside it: started at its beginning, looked at at its end. Neither can fail the run."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from typing import Any

from ..journal import read
from ..ledger.process import birth
from ..notify.left import Left
from ..notify.message import HELD, REFUSED, SENT, UNSENT, Message
from ..notify.outbox import FINISHED, FOLDER, SUPPORT, TOLD, TROUBLE, Outbox
from ..notify.sender import secrets_of
from ..notify.start import start
from ..outcome import DONE, FAILED, outcome
from ..outcome import REFUSED as NOT_DONE
from .options import RUN
from .task import Task

__all__ = ["SPEC", "work"]

SPEC: dict[str, Any] = {
    **RUN,
    "state": {"type": "str", "choices": ["started", "finished", "sent"], "required": True},
    "channels": {
        "type": "dict",
        "required": True,
        "options": {
            "slack": {
                "type": "dict",
                "options": {
                    "webhook": {"type": "str", "no_log": True, "default": ""},
                    "token": {"type": "str", "no_log": True, "default": ""},
                    "channel": {"type": "str", "default": ""},
                    "drill_webhook": {"type": "str", "no_log": True, "default": ""},
                    "drill_channel": {"type": "str", "default": ""},
                    "api_url": {"type": "str", "required": True},
                },
            },
            "email": {
                "type": "dict",
                "options": {
                    "host": {"type": "str", "required": True},
                    "port": {"type": "int", "required": True},
                    "tls": {"type": "str", "choices": ["starttls", "tls", "none"], "default": "starttls"},
                    "user": {"type": "str", "default": ""},
                    "password": {"type": "str", "no_log": True, "default": ""},
                    "from": {"type": "str", "required": True},
                    "to": {"type": "dict", "required": True},
                    "ca_file": {"type": "str", "default": ""},
                },
            },
            "pagerduty": {
                "type": "dict",
                "options": {
                    "routing_key": {"type": "str", "no_log": True, "required": True},
                    "api_url": {"type": "str", "required": True},
                },
            },
            "webhook": {
                "type": "dict",
                "options": {
                    "url": {"type": "str", "no_log": True, "required": True},
                    "secret": {"type": "str", "no_log": True, "required": True},
                    "audiences": {"type": "list", "elements": "str", "required": True},
                },
            },
            "grafana": {
                "type": "dict",
                "options": {
                    "url": {"type": "str", "required": True},
                    "token": {"type": "str", "no_log": True, "required": True},
                    "dashboard": {"type": "str", "default": ""},
                    "tags": {"type": "list", "elements": "str", "default": []},
                },
            },
        },
    },
    "contacts": {"type": "list", "elements": "dict", "default": []},
    "prefix": {"type": "str", "default": "[DRILL]"},
    "templates": {"type": "str", "default": ""},
    "approver": {"type": "str", "default": ""},
    "problems": {"type": "list", "elements": "str", "default": []},
    "account_id": {"type": "str", "default": ""},
    "acknowledge": {"type": "str", "default": ""},
    "approved_by": {"type": "str", "default": ""},
    "seconds": {"type": "float", "default": 60},
}
# What a run waits at its end for messages that are on their way.
_WAIT = 3.0
_LOOK = 0.05


def work(task: Task) -> dict[str, Any]:
    """Whatever goes wrong with a notification is a warning: a rollback goes on."""
    channels = _channels(task)
    for secret in secrets_of(channels):
        task.redactor.learn(secret)
    if task.params["state"] == "sent":
        return _send(task, channels)
    problems = [f"notifications: {line}" for line in task.params["problems"]]
    if task.check_mode or not task.params["run"]:
        return {}
    try:
        if task.params["state"] == "started":
            return {"warnings": problems + _start(task, channels)}
        return {"warnings": _finish(task)}
    except Exception as error:
        # Not even a defect of ours: the verdict of the run is not that of its messages.
        why = f"{type(error).__name__}: {error}"
        task.journal.write("notification.trouble", why=why)
        return {"warnings": [f"notifications: {why}"]}


def _channels(task: Task) -> dict[str, Any]:
    return {name: declared for name, declared in task.params["channels"].items() if declared}


def _settings(task: Task, channels: Mapping[str, Any]) -> dict[str, Any]:
    told = {name: task.params[name] for name in ("contacts", "prefix", "templates")}
    return {
        **told,
        "run": task.journal.run,
        "environment": task.params["environment_name"],
        "channels": channels,
        "account": task.params["account_id"],
        "journal": str(task.journal.path.resolve()),
        "command": task.command,
        "born": birth(task.command),
    }


def _start(task: Task, channels: Mapping[str, Any]) -> list[str]:
    if not channels:
        return []
    if not task.command:
        return [
            "notifications: none are sent, because ansible-playbook runs on another machine than its tasks"
        ]
    start(_settings(task, channels), Outbox(task.journal.path.parent / FOLDER))
    return []


def _finish(task: Task) -> list[str]:
    """Take what is known of the messages into the journal. The process that sends goes on for a while."""
    folder = task.journal.path.parent / FOLDER
    if not folder.is_dir():
        return []
    box = Outbox(folder)
    box.mark(FINISHED)
    until = time.monotonic() + _WAIT
    while _is_locked(box) and time.monotonic() < until:
        time.sleep(_LOOK)
        box.reload()
        # A service that was asked in vain is asked again later: nobody waits for that.
        if box.marked(TOLD) is not None and not box.is_under_way:
            break
    box.reload()
    told = {event.get("id") for event in read(task.journal.path) if event["event"] == "notification"}
    for record in _records(box):
        if record["id"] not in told:
            task.journal.write("notification", **record)
    return list(_warnings(task, box))


def _records(box: Outbox) -> Iterator[dict[str, Any]]:
    yield from box.receipts()
    for message in box.messages(UNSENT, HELD):
        said = box.said(message)
        told = {name: getattr(message, name) for name in ("id", "kind", "channel", "audience")}
        yield {**told, "state": said["state"], "attempts": said["attempts"], "why": said.get("why")}


def _warnings(task: Task, box: Outbox) -> Iterator[str]:
    again = f"ansible-playbook notify.yml -i {task.params['environment_name']}"
    for state, what in ((UNSENT, f"are not sent yet; {again} sends what is left"), (REFUSED, "were refused")):
        found = box.messages(state)
        if found:
            whys = sorted(
                {f"{message.channel}: {box.said(message).get('why', 'no answer')}" for message in found}
            )
            yield f"notifications: {len(found)} {what} ({'; '.join(whys)})"
    if box.messages(HELD):
        yield f"notifications: the text to users waits for approval: {again} -e approved_by='<name>'"
    if support := box.marked(SUPPORT):
        yield f"the text for Cloudflare's support is in {box.folder / SUPPORT} ({len(support.splitlines())} lines)"
    if trouble := box.marked(TROUBLE):
        yield f"notifications: {'; '.join(trouble.splitlines())}"


def _is_locked(box: Outbox) -> bool:
    held = box.lock()
    if held is None:
        return True
    os.close(held)
    return False


def _send(task: Task, channels: Mapping[str, Any]) -> dict[str, Any]:
    """What a person asks for, in the foreground."""
    environment, acknowledge = task.params["environment_name"], task.params["acknowledge"]
    approved_by = task.params["approved_by"]
    if approved_by and (lacks := _lacks(task, approved_by)):
        return {
            "outcome": outcome(NOT_DONE, f"nothing was sent: {lacks}", next_="have it approved by that role")
        }
    if task.check_mode:
        next_ = f"ansible-playbook notify.yml -i {environment}"
        said = "what is declared can be used" if channels else "nobody is told: no notifications are declared"
        return {"outcome": outcome(DONE, f"only a check: {said}", next_=next_)}
    log = Outbox(task.journal.path.parent / FOLDER)
    left = Left(_settings(task, channels), log)
    if (acknowledge or approved_by) and left.latest is None:
        message = f"nothing was sent: no run of {environment} had anything to tell"
        return {
            "outcome": outcome(
                NOT_DONE, message, next_="check -i: there is something to tell once a rollback has begun"
            )
        }
    if acknowledge:
        left.acknowledge(acknowledge)
    if approved_by and not left.approve():
        message = "nothing was sent: a run that is under way holds its messages"
        return {"outcome": outcome(NOT_DONE, message, next_="give the same command when it has ended")}
    found = left.send(task.params["seconds"])
    for record in log.receipts():
        task.journal.write("notification", **record)
    return {"outcome": _told(environment, found)}


def _lacks(task: Task, approved_by: str) -> str:
    """Why this person may not approve a text to users (S101); empty when they may."""
    role = task.params["approver"]
    if not role:
        return "notifications.approver names no role that approves texts to users"
    names = [contact["name"] for contact in task.params["contacts"] if contact["role"] == role]
    if approved_by in names:
        return ""
    return f"texts to users are approved by the {role} ({', '.join(names) or 'nobody'}), not by {approved_by}"


def _told(environment: str, found: list[tuple[Message, dict[str, Any]]]) -> dict[str, Any]:
    failed = [
        f"{message.channel}: {message.subject}: {said.get('why', 'no answer')}"
        for message, said in found
        if said["state"] != SENT
    ]
    if failed:
        return outcome(
            FAILED,
            f"{len(failed)} of {len(found)} messages were not sent",
            next_=f"ansible-playbook notify.yml -i {environment}",
            details=failed,
        )
    what = (
        f"{len(found)} message{'' if len(found) == 1 else 's'} sent" if found else "there was nothing to send"
    )
    return outcome(DONE, what, next_=f"ansible-playbook status.yml -i {environment}")
