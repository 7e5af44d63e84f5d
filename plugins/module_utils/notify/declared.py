"""What the inventory says of notifications and contacts, checked; what is wrong is left out, and named."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from ..declared import resolved
from . import pagerduty, slack
from .texts import AUDIENCES, Texts

__all__ = ["declared_notifications"]

_CHANNELS: dict[str, dict[str, Any]] = {
    "slack": {
        "webhook": "",
        "token": "",
        "channel": "",
        "drill_webhook": "",
        "drill_channel": "",
        "api_url": slack.API,
    },
    "email": {
        "host": "",
        "port": 0,
        "tls": "starttls",
        "user": "",
        "password": "",
        "from": "",
        "to": {},
        "ca_file": "",
    },
    "pagerduty": {"routing_key": "", "api_url": pagerduty.API},
    "webhook": {"url": "", "secret": "", "audiences": ["responders", "stakeholders"]},
    "grafana": {"url": "", "token": "", "dashboard": "", "tags": []},
}
_OTHER = {"drill_channel": "", "drill_prefix": "[DRILL]", "templates": "", "approver": ""}
_PORTS = {"starttls": 587, "tls": 465, "none": 25}
_URLS = ("webhook", "drill_webhook", "api_url", "url")
_LISTS = (*AUDIENCES, "drill")
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_ADDRESS = re.compile(r"[^@\s<>]+@[^@\s<>]+")
_PLACEHOLDER = re.compile(
    r"^\s*[\[<{(].*[\]>})]\s*$|\b(tbd|tba|todo|fixme|xxx+|changeme|change-me|placeholder|lorem)\b|"
    r"\byour[-_ ](\w+)|@?\bexample\.(com|org|net)\b|\.example\b|\binvalid$",
    re.I,
)


def declared_notifications(variables: Mapping[str, Any]) -> dict[str, Any]:
    """``channels`` and ``contacts`` for the stage, ``prefix``, ``templates``, ``approver``, and ``problems``.

    ``variables`` are those of a host. A channel or a contact that cannot be used is not among them, so that the
    others still are: what is wrong here must not stop a rollback, only ``notify.yml``.
    """
    problems: list[str] = []
    declared = dict(_parts(variables, "notifications", problems))
    told = {name: declared[name] for name in _OTHER if declared.get(name) is not None}
    other = {name: str(value) for name, value in {**_OTHER, **told}.items()}
    for name in declared:
        if name not in _CHANNELS and name not in _OTHER:
            problems.append(f"notifications.{name} is no channel: there are {', '.join(_CHANNELS)}")
    channels = {}
    for name in _CHANNELS:
        if declared.get(name):
            found = _channel(name, declared[name], other["drill_channel"], problems)
            if found is not None:
                channels[name] = found
    contacts = list(_contacts(variables, channels, bool(declared), problems))
    if declared:
        roles = {contact["role"] for contact in contacts}
        if other["approver"] and other["approver"] not in roles:
            problems.append(
                f"notifications.approver is {other['approver']!r}, which is the role of no contact"
            )
        problems += [f"notifications.templates: {line}" for line in Texts(other["templates"]).check()]
    return {
        "channels": channels,
        "contacts": contacts,
        "prefix": other["drill_prefix"],
        "templates": other["templates"],
        "approver": other["approver"],
        "problems": problems,
    }


def _parts(variables: Mapping[str, Any], name: str, problems: list[str]) -> Iterator[tuple[str, Any]]:
    """The parts of a variable that is a mapping. What cannot be resolved costs only its part."""
    try:
        declared = variables.get(name)
        if not declared:
            return
        parts = list(declared)
        if not isinstance(declared, Mapping):
            problems.append(f"{name} must be a mapping: {', '.join(_CHANNELS)}")
            return
    except Exception as error:
        problems.append(f"{name} cannot be resolved: {error}")
        return
    for part in parts:
        try:
            yield str(part), resolved(declared[part])
        except Exception as error:
            problems.append(f"{name}.{part} cannot be resolved: {error}")


def _channel(name: str, declared: Any, drills: str, problems: list[str]) -> dict[str, Any] | None:
    wrong: list[str] = []
    known = _CHANNELS[name]
    if not isinstance(declared, Mapping):
        problems.append(f"notifications.{name} must be a mapping with {', '.join(known)}")
        return None
    wrong += [
        f"{key} is nothing that it has; there are {', '.join(known)}" for key in declared if key not in known
    ]
    found = {**known, **{key: value for key, value in declared.items() if key in known and value is not None}}
    for key in found:
        if isinstance(found[key], str) and _PLACEHOLDER.search(found[key]):
            wrong.append(f"{key} is a placeholder")
        elif key in _URLS and found[key] and not _is_safe(found[key]):
            wrong.append(f"{key} must begin with https://, because a secret goes with it")
    wrong += _CHECKS[name](found)
    if name == "slack":
        found["drill_channel"] = found["drill_channel"] or drills
    problems += [f"notifications.{name}: {line}" for line in wrong]
    return None if wrong else found


def _slack(found: dict[str, Any]) -> Iterator[str]:
    if bool(found["webhook"]) == bool(found["token"]):
        yield "either webhook or token with channel is needed: take it from the environment or from vault"
    if found["token"] and not found["channel"]:
        yield "channel is not set: a token needs one"


def _email(found: dict[str, Any]) -> Iterator[str]:
    for key in ("host", "from"):
        if not found[key]:
            yield f"{key} is not set"
    if found["from"] and not _ADDRESS.search(str(found["from"])):
        yield f"from is no address: {found['from']}"
    if found["tls"] not in _PORTS:
        yield f"tls must be one of {', '.join(_PORTS)}, not {found['tls']}"
    elif found["tls"] == "none" and found["user"] and found["host"] not in _LOOPBACK:
        yield "tls is none, and the password would go through the network as it is: starttls or tls"
    if found["user"] and not found["password"]:
        yield "password is not set: take it from the environment or from vault"
    port = str(found["port"] or _PORTS.get(found["tls"], 25))
    if not port.isdecimal() or not 0 < int(port) < 65536:
        yield f"port must be a number up to 65535, not {port}"
    else:
        found["port"] = int(port)
    if not isinstance(found["to"], Mapping) or not any(found["to"].values()):
        yield f"to is not set: lists of addresses for {', '.join(_LISTS)}"
        return
    for key, addresses in found["to"].items():
        if key not in _LISTS:
            yield f"to.{key} is nobody who is told; there are {', '.join(_LISTS)}"
        for address in addresses if isinstance(addresses, list) else [addresses]:
            if _PLACEHOLDER.search(str(address)):
                yield f"to.{key}: {address} is a placeholder"
            elif not _ADDRESS.fullmatch(str(address)):
                yield f"to.{key}: {address} is no address"
    found["to"] = {key: value if isinstance(value, list) else [value] for key, value in found["to"].items()}


def _pagerduty(found: dict[str, Any]) -> Iterator[str]:
    if not found["routing_key"]:
        yield "routing_key is not set: take it from the environment or from vault"


def _webhook(found: dict[str, Any]) -> Iterator[str]:
    for key in ("url", "secret"):
        if not found[key]:
            yield f"{key} is not set: take it from the environment or from vault"
    if not isinstance(found["audiences"], list) or set(found["audiences"]) - set(AUDIENCES):
        yield f"audiences must be a list of {', '.join(AUDIENCES)}"


def _grafana(found: dict[str, Any]) -> Iterator[str]:
    if not found["url"]:
        yield "url is not set: the address of Grafana"
    if not found["token"]:
        yield "token is not set: take that of a service account from the environment or from vault"
    if not isinstance(found["tags"], list):
        yield "tags must be a list"


_CHECKS: dict[str, Callable[[dict[str, Any]], Iterator[str]]] = {
    "slack": _slack,
    "email": _email,
    "pagerduty": _pagerduty,
    "webhook": _webhook,
    "grafana": _grafana,
}


def _contacts(
    variables: Mapping[str, Any], channels: Mapping[str, Any], needed: bool, problems: list[str]
) -> Iterator[dict[str, Any]]:
    try:
        declared = resolved(variables.get("contacts"))
    except Exception as error:
        problems.append(f"contacts cannot be resolved: {error}")
        return
    if not isinstance(declared, list | None):
        problems.append("contacts must be a list, each with name, role, how, to and after")
        return
    declared = declared or []
    if needed and len(declared) < 2:
        problems.append(
            "contacts needs at least two levels: who is called first, and who when the rollback fails"
        )
    earlier = 0.0
    for level, contact in enumerate(declared, start=1):
        wrong = list(_contact(contact, channels, earlier))
        problems += [f"contacts, number {level}: {line}" for line in wrong]
        if not wrong:
            earlier = float(contact.get("after", 0))
            yield {
                **{key: contact[key] for key in ("name", "role", "how", "to")},
                "after": earlier,
                "level": level,
            }


def _contact(contact: Any, channels: Mapping[str, Any], earlier: float) -> Iterator[str]:
    if not isinstance(contact, Mapping):
        yield "must have name, role, how, to and after"
        return
    for key in ("name", "role", "how", "to"):
        value = str(contact.get(key) or "")
        if not value:
            yield f"{key} is not set"
        elif _PLACEHOLDER.search(value):
            yield f"{key} is a placeholder: {value}"
    how, to = contact.get("how"), str(contact.get("to") or "")
    if how not in ("email", "slack"):
        yield f"how must be email or slack, not {how}: PagerDuty has a chain of its own"
    elif how not in channels:
        yield f"how is {how}, but notifications.{how} cannot be used"
    elif how == "email" and to and not _ADDRESS.fullmatch(to):
        yield f"to is no address: {to}"
    elif how == "slack" and to and not re.fullmatch(r"[UW][A-Z0-9]{6,}", to):
        yield f"to must be the id of a member of Slack, like U012AB3CD, not {to}"
    try:
        after = float(contact.get("after", 0))
    except (ValueError, TypeError):
        yield f"after must be minutes, not {contact.get('after')}"
        return
    if after < earlier:
        yield f"after is {after:g} minutes, which is before the one above"


def _is_safe(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
