"""Cloudflare through the wrangler CLI: for people who are logged in with wrangler and have no API token.

Its traps, and what is done about each (measured in the project's notes on wrangler):
it reads any configuration in the current folder, so it is started in an empty one; it takes answers
from nobody when it is not asked on a terminal, so standard input is closed; agent and CI variables
change what it does, so it gets a clean environment; ``rollback`` without an id alternates between
two versions, and with changed secrets it agrees by itself, so targets go through ``versions deploy``
with explicit ids; it exits with 1 whatever happened, so only a known refusal counts as one and
everything else is read back. It has no command for a Pages rollback: Pages go through the API, with
the token that wrangler itself holds.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from ..journal import Journal
from ..release.model import Component, Deployment, State
from .errors import CloudflareError, Refused, SecretChanged, Unanswered
from .platform import Platform, Shares
from .rest import deployment_of, worker_state

__all__ = ["Wrangler"]

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_CODE = re.compile(r"\[code: (\d+)\]")
_NAMES = "The following secrets have changed:"
_KEPT = (
    "PATH",
    "HOME",
    "XDG_CONFIG_HOME",
    "CLOUDFLARE_API_TOKEN",
    "NODE_EXTRA_CA_CERTS",
    "HTTPS_PROXY",
    "NO_PROXY",
)
# Not signed in, not allowed, no such Worker or version, invalid: nothing was done, asking again is useless.
_REFUSALS = {6003, 7003, 9106, 9109, 10000, 10007, 10021, 10090, 10092, 10210}
_IMMEDIATE_SINCE = (4, 141)
# Two Node processes fill two processors; more only make each of them slower.
_AT_ONCE = max(2, os.cpu_count() or 2)


class Wrangler:
    """See :class:`Platform`. ``pages`` makes the platform that serves Pages, given wrangler's own token."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        account: str,
        api_url: str,
        token: str | None,
        journal: Journal,
        pages: Callable[[str], Platform],
        timeout: float = 60,
    ) -> None:
        self._command = list(command)
        self._journal = journal
        self._timeout = timeout
        self._make_pages = pages
        self._slots = threading.Semaphore(_AT_ONCE)
        self._environment = {name: os.environ[name] for name in _KEPT if name in os.environ} | {
            "CI": "1",
            "NO_COLOR": "1",
            "WRANGLER_SEND_METRICS": "false",
            "CLOUDFLARE_ACCOUNT_ID": account,
            "CLOUDFLARE_API_BASE_URL": api_url,
        }
        if token:
            self._environment["CLOUDFLARE_API_TOKEN"] = token

    def state(self, component: Component) -> State:
        if component.kind == "pages":
            return self._pages.state(component)
        deployments = self._deployments(component)
        versions = self._json("versions", "list", "--name", component.target)
        # wrangler sorts oldest first; the API, and we, newest first.
        return worker_state(component, deployments, list(reversed(versions)))

    def live(self, component: Component) -> Deployment | None:
        if component.kind == "pages":
            return self._pages.live(component)
        deployments = self._deployments(component)
        return deployment_of(deployments[0]) if deployments else None

    def serve(self, component: Component, shares: Shares, message: str, *, force: bool) -> None:
        if component.kind == "pages":
            self._pages.serve(component, shares, message, force=force)
            return
        sole = len(shares) == 1
        specs = [f"{id_}@{percent:g}" for id_, percent in shares]
        # Only ``rollback`` can say that changed secrets are accepted, and it always does.
        verb = ["rollback", shares[0][0]] if force and sole else ["versions", "deploy", *specs]
        mode = (
            ["--durable-objects-code-update-mode", "immediate"] if self._version >= _IMMEDIATE_SINCE else []
        )
        self._run(*verb, "--name", component.target, "--message", message, "--yes", *mode, write=True)

    def _deployments(self, component: Component) -> list[dict[str, Any]]:
        return list(reversed(self._json("deployments", "list", "--name", component.target)))

    @cached_property
    def _pages(self) -> Platform:
        return self._make_pages(json.loads(self._run("auth", "token", "--json"))["token"])

    @cached_property
    def _version(self) -> tuple[int, ...]:
        found = re.search(r"(\d+)\.(\d+)", self._run("--version"))
        return tuple(map(int, found.groups())) if found else (0, 0)

    def _json(self, *arguments: str) -> Any:
        text = self._run(*arguments, "--json")
        try:
            return json.loads(text)
        except ValueError:
            raise CloudflareError(f"wrangler {' '.join(arguments)}: its answer is not JSON") from None

    def _run(self, *arguments: str, write: bool = False) -> str:
        shown = f"wrangler {' '.join(arguments)}"
        began = time.monotonic()
        status: int | str = "no answer"
        try:
            with self._slots, tempfile.TemporaryDirectory(prefix="knowngood-") as empty:
                done = subprocess.run(
                    [*self._command, *arguments],
                    cwd=empty,
                    # Its debug log has what it prints, the token among it.
                    env={**self._environment, "WRANGLER_LOG_PATH": empty},
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    text=True,
                    timeout=self._timeout,
                    check=False,
                )
            status = done.returncode
        except FileNotFoundError:
            raise Refused(
                f"{self._command[0]} is not installed; set cloudflare_wrangler to what starts wrangler"
            ) from None
        except subprocess.TimeoutExpired:
            raise _unknown(f"{shown}: no answer in {self._timeout:g} s", write) from None
        finally:
            self._journal.write(
                "wrangler", command=shown, status=status, seconds=round(time.monotonic() - began, 4)
            )
        if done.returncode == 0:
            return done.stdout
        raise _failure(shown, _ANSI.sub("", done.stdout + done.stderr), write)


def _failure(shown: str, text: str, write: bool) -> CloudflareError:
    code = int(found.group(1)) if (found := _CODE.search(text)) else None
    lines = [line.strip(" ✘▲│") for line in text.splitlines()]
    # A refusal of the API comes as a line that only says so, and the reason, with its code, below.
    telling = [line for sign in ("[code:", "ERROR") for line in lines if sign in line]
    reason = next(iter([*telling, *reversed(lines)]), "")
    if code == 10220 or _NAMES in text:
        names = " ".join(text.split()).partition(_NAMES)[2].partition("[code:")[0].strip().rstrip(".")
        return SecretChanged(reason, [name.strip() for name in names.split(",") if name.strip()])
    if code in _REFUSALS:
        return Refused(f"{shown}: {reason}", code=code)
    return _unknown(f"{shown}: {reason}", write)


def _unknown(message: str, write: bool) -> CloudflareError:
    return Unanswered(message) if write else CloudflareError(message)
