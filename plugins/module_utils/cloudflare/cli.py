"""The wrangler CLI as a program that is asked: its traps, and what is done about each.

It reads any configuration in the current folder, so it is started in an empty one; it takes answers
from nobody when it is not asked on a terminal, so standard input is closed; agent and CI variables
change what it does, so it gets a clean environment; it exits with 1 whatever happened, so only a
known refusal counts as one. All of it was measured (docs/inventory.md, "With wrangler").
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from ..journal import Journal
from .errors import SECRETS_FOLLOW, CloudflareError, Refused, SecretChanged, Unanswered, secret_names

__all__ = ["Cli"]

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_CODE = re.compile(r"\[code: (\d+)\]")
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
# Two Node processes fill two processors; more only make each of them slower.
_AT_ONCE = max(2, os.cpu_count() or 2)


class Cli:
    """Runs wrangler for one account. ``token`` may be missing: wrangler then uses its own login."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        account: str,
        api_url: str,
        token: str | None,
        journal: Journal,
        timeout: float = 60,
    ) -> None:
        self._command = list(command)
        self._journal = journal
        self._timeout = timeout
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

    @cached_property
    def version(self) -> tuple[int, ...]:
        """Major and minor."""
        found = re.search(r"(\d+)\.(\d+)", self.run("--version"))
        return tuple(map(int, found.groups())) if found else (0, 0)

    def token(self) -> str:
        """The token that wrangler itself holds."""
        token: str = self.json("auth", "token")["token"]
        return token

    def json(self, *arguments: str) -> Any:
        """What a ``--json`` command prints."""
        text = self.run(*arguments, "--json")
        try:
            return json.loads(text)
        except ValueError:
            raise CloudflareError(f"wrangler {' '.join(arguments)}: its answer is not JSON") from None

    def run(self, *arguments: str, write: bool = False) -> str:
        """What a successful command prints. Raises :class:`CloudflareError`; a write whose end is not known,
        :class:`Unanswered`."""
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
    if code == 10220 or SECRETS_FOLLOW in text:
        return SecretChanged(reason, secret_names(text))
    if code in _REFUSALS:
        return Refused(f"{shown}: {reason}", code=code)
    return _unknown(f"{shown}: {reason}", write)


def _unknown(message: str, write: bool) -> CloudflareError:
    return Unanswered(message) if write else CloudflareError(message)
