"""What every module of the library shares: the arguments, the way to Cloudflare, the way out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from .cloudflare.client import Client
from .cloudflare.errors import CloudflareError
from .cloudflare.platform import Platform
from .cloudflare.rest import Rest
from .cloudflare.wrangler import Wrangler
from .concurrent import each
from .journal import Journal, new_run_id
from .outcome import FAILED, REFUSED, outcome
from .probe.check import Limits
from .probe.connect import Connector
from .probe.contract import Contract
from .redact import Redactor
from .release.group import KEYS, group
from .release.model import Component, Release, State
from .release.plan import Move

__all__ = [
    "CLOUDFLARE",
    "COMPONENTS",
    "GROUPING",
    "MOVING",
    "PROBING",
    "RUN",
    "connector_of",
    "contracts_of",
    "journal_of",
    "limits_of",
    "moves_of",
    "platform_of",
    "releases_of",
    "run_module",
    "states_of",
]

RUN: dict[str, Any] = {
    "run": {"type": "str", "default": ""},
    "runs_dir": {"type": "path", "required": True},
    "environment_name": {"type": "str", "required": True},
}
CLOUDFLARE: dict[str, Any] = {
    "cloudflare": {
        "type": "dict",
        "required": True,
        "options": {
            "account_id": {"type": "str", "required": True},
            "api_token": {"type": "str", "no_log": True, "default": ""},
            "api_url": {"type": "str", "default": "https://api.cloudflare.com/client/v4"},
            "transport": {"type": "str", "choices": ["rest", "wrangler"], "default": "rest"},
            "wrangler": {"type": "list", "elements": "str", "default": ["npx", "--no-install", "wrangler"]},
            "patience": {"type": "float", "default": 60},
        },
    }
}
COMPONENTS: dict[str, Any] = {
    "components": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "kind": {"type": "str", "required": True, "choices": ["worker", "pages"]},
            "target": {"type": "str", "required": True},
            "follows": {"type": "str", "choices": ["always", "when_changed"], "default": "always"},
            "after": {"type": "list", "elements": "str", "default": []},
            "health": {"type": "dict", "required": True},
        },
    }
}
PROBING: dict[str, Any] = {
    "probing": {
        "type": "dict",
        "required": True,
        "options": {
            "connect_to": {"type": "str", "default": ""},
            "ca_file": {"type": "str", "default": ""},
            "timeout": {"type": "float", "default": 10},
            "seconds": {"type": "float", "required": True},
            "max_skew": {"type": "float", "default": 60},
            "slow": {"type": "float", "default": 2},
            "tls_margin": {"type": "float", "default": 14},
        },
    }
}
GROUPING: dict[str, Any] = {
    "keys": {"type": "list", "elements": "str", "choices": list(KEYS), "default": list(KEYS)},
    "window": {"type": "float", "default": 900},
}
MOVING: dict[str, Any] = {
    "moves": {"type": "list", "elements": "dict", "required": True},
    "accept_secret_change": {"type": "bool", "default": False},
    "message": {"type": "str", "required": True},
}


# No such Worker (10007, 10090), no such Pages project (8000007).
_NOT_THERE = (10007, 10090, 8000007)
_NAMED_BY = {"worker": ("Worker", "worker_name"), "pages": ("Pages project", "pages_project")}


class Unreadable(Exception):
    """Some components could not be read, so nothing can be planned."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(f"Cloudflare could not be read for {len(problems)} component(s)")
        self.problems = problems


def run_module(module: AnsibleModule, work: Callable[[AnsibleModule, Journal], dict[str, Any]]) -> None:
    """Do ``work`` and leave. A user never meets a traceback: an unforeseen error is named as a defect.

    A result whose ``outcome`` has an exit code other than 0 fails the task.
    """
    journal = journal_of(module)
    try:
        result = work(module, journal)
    except Unreadable as error:
        result = {
            "outcome": outcome(
                REFUSED,
                f"nothing was changed: {error}",
                next_="put right what is said above, then run the same command again; "
                "https://www.cloudflarestatus.com tells whether Cloudflare has trouble",
                details=error.problems,
            )
        }
    except Exception as error:
        journal.write("defect", error=f"{type(error).__name__}: {error}")
        message = f"an unforeseen error, which is a defect of Known Good: {type(error).__name__}: {error}"
        result = {"outcome": outcome(FAILED, message, next_=f"look at {journal.path}, and report it")}
    result = {"changed": False, **result, "run": journal.run, "journal": str(journal.path)}
    if journal.trouble:
        module.warn(journal.trouble)
    end = result.get("outcome")
    if end is not None:
        journal.write("outcome", **end)
        if end["exit_code"]:
            module.fail_json(msg=end["message"], **result)
    module.exit_json(**result)


def journal_of(module: AnsibleModule) -> Journal:
    """The run's journal; a run without an id gets one."""
    token = (module.params.get("cloudflare") or {}).get("api_token")
    return Journal(Path(module.params["runs_dir"]), module.params["run"] or new_run_id(), Redactor([token]))


def platform_of(module: AnsibleModule, journal: Journal) -> Platform:
    """The way to Cloudflare that the inventory asks for."""
    declared = module.params["cloudflare"]
    url, account, patience = declared["api_url"], declared["account_id"], declared["patience"]

    def rest(token: str) -> Rest:
        return Rest(Client(url, token, account, journal, patience=patience))

    if declared["transport"] == "rest":
        return rest(declared["api_token"])
    return Wrangler(
        declared["wrangler"],
        account=account,
        api_url=url,
        token=declared["api_token"] or None,
        journal=journal,
        pages=rest,
    )


def states_of(module: AnsibleModule, platform: Platform) -> dict[str, State]:
    """What Cloudflare says of every component, asked all at once."""
    components = [
        Component(item["name"], item["kind"], item["target"], item["follows"])
        for item in module.params["components"]
    ]
    states: dict[str, State] = {}
    problems: list[str] = []
    for component, state in zip(components, each(platform.state, components), strict=True):
        if isinstance(state, State):
            states[component.name] = state
        elif isinstance(state, CloudflareError):
            problems.append(f"{component.name}: {_what_is_missing(component, state)}")
        else:
            raise state
    if problems:
        raise Unreadable(problems)
    return states


def _what_is_missing(component: Component, error: CloudflareError) -> str:
    if error.code not in _NOT_THERE:
        return str(error)
    what, variable = _NAMED_BY[component.kind]
    return f"the account has no {what} named {component.target}; correct {variable}, or cloudflare_account_id"


def releases_of(module: AnsibleModule, states: Mapping[str, State]) -> list[Release]:
    """The releases that the versions make up, newest first."""
    return group(states, window=timedelta(seconds=module.params["window"]), keys=module.params["keys"])


def moves_of(module: AnsibleModule) -> list[Move]:
    """The plan's moves, as ``release_plan`` returned them."""
    return [
        Move(**{**item, "live": tuple((id_, float(percent)) for id_, percent in item["live"])})
        for item in module.params["moves"]
    ]


def contracts_of(module: AnsibleModule) -> dict[str, Contract | None]:
    """The health contract per component; ``None`` where the inventory declares that there is none."""
    return {
        item["name"]: None if "not_applicable" in item["health"] else Contract.of(item["health"])
        for item in module.params["components"]
    }


def connector_of(module: AnsibleModule) -> Connector:
    declared = module.params["probing"]
    return Connector(
        connect_to=declared["connect_to"], ca_file=declared["ca_file"], timeout=declared["timeout"]
    )


def limits_of(module: AnsibleModule) -> Limits:
    declared = module.params["probing"]
    return Limits(declared["seconds"], declared["max_skew"], declared["slow"], declared["tls_margin"])
