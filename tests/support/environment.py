"""The local environment as a user of the playbooks sees it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_cloudflare.launch import Instance
from plugins.module_utils.journal import FILE, read
from tests.support.api import Api

ROOT = Path(__file__).resolve().parents[2]
WORKERS = {
    "auth-worker": "must-be-viral-auth-local",
    "content-worker": "must-be-viral-content-local",
    "analytics-worker": "must-be-viral-analytics-local",
    "api-gateway": "must-be-viral-api-gateway-local",
    "websocket-worker": "must-be-viral-websocket-local",
}
PROJECT = "must-be-viral-local"
DATABASE = "must-be-viral-content-local"


@dataclass(frozen=True)
class Run:
    """What a playbook left behind."""

    code: int
    output: str
    journal: Path | None

    @property
    def events(self) -> list[dict[str, Any]]:
        assert self.journal is not None, self.output
        return list(read(self.journal))

    @property
    def last_line(self) -> str:
        return self.output.rstrip().splitlines()[-1]


class Environment:
    """One running local Cloudflare with the sample application on it."""

    def __init__(self, instance: Instance, runs: Path | None = None) -> None:
        self.instance = instance
        self.runs = runs or instance.state / "runs"
        self.api = Api(instance)

    # --- the playbooks

    def command(self, name: str, *arguments: str) -> list[str]:
        ansible_playbook = str(Path(sys.executable).with_name("ansible-playbook"))
        return [ansible_playbook, name, "-i", "local", *arguments]

    def environ(self) -> dict[str, str]:
        ours = ("CLOUDFLARE", "KNOWNGOOD")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        return {**kept, "LOCAL_CLOUDFLARE": str(self.instance.state), "KNOWNGOOD_RUNS": str(self.runs)}

    def play(
        self,
        name: str,
        *arguments: str,
        timeout: float = 240,
        actions: bool = True,
        environ: Mapping[str, str] | None = None,
    ) -> Run:
        """Run a playbook from the root, as typed by a person; without ``actions`` by the modules."""
        before = set(self.runs.glob(f"*/{FILE}"))
        done = subprocess.run(
            self.command(name, *arguments),
            cwd=ROOT,
            env={
                **self.environ(),
                **({} if actions else {"ANSIBLE_ACTION_PLUGINS": "/nonexistent"}),
                **(environ or {}),
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        new = sorted(set(self.runs.glob(f"*/{FILE}")) - before)
        return Run(done.returncode, done.stdout + done.stderr, new[-1] if new else None)

    def start(self, name: str, *arguments: str) -> subprocess.Popen[str]:
        """Run a playbook in a process group of its own, and do not wait for it."""
        return subprocess.Popen(
            self.command(name, *arguments),
            cwd=ROOT,
            env=self.environ(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def processes(self) -> list[str]:
        """The command lines of what a playbook of this environment started and is still there (Linux)."""
        signs = (
            f"LOCAL_CLOUDFLARE={self.instance.state}",
            f"CLOUDFLARE_API_BASE_URL={self.instance.api_url}",
        )
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            # A process may end meanwhile; a dead one that nobody waited for has no environment.
            with contextlib.suppress(OSError):
                if set(signs) & set((folder / "environ").read_text(errors="replace").split("\0")):
                    found.append((folder / "cmdline").read_text(errors="replace").replace("\0", " ").strip())
        return found

    # --- Cloudflare

    def writes(self, since: int) -> list[str]:
        """What was written through the API since a mark, by us or by wrangler.

        Without queries of D1, which are sent by POST whatever they do: `bookmark` tells whether they wrote.
        """
        calls = [call for agent in ("knowngood", "wrangler") for call in self.api.calls(since, agent)]
        return [call for call in calls if not call.startswith("GET ") and not call.endswith("/query")]

    def bookmark(self) -> str:
        """Where the database is in its history; every write moves it on."""
        found = self.api("GET", f"A/d1/database?name={DATABASE}")[0]["uuid"]
        return str(self.api("GET", f"A/d1/database/{found}/time_travel/bookmark")["bookmark"])

    def versions(self, release: str) -> dict[str, str]:
        """Version id per Worker script, and the Pages deployment id under the project's name."""
        found = {}
        for script in WORKERS.values():
            items = self.api("GET", f"A/workers/scripts/{script}/versions?deployable=true")["items"]
            found[script] = next(v["id"] for v in items if v["annotations"].get("workers/tag") == release)
        for item in self.api("GET", f"A/pages/projects/{PROJECT}/deployments?env=production"):
            if item["deployment_trigger"]["metadata"]["commit_message"].startswith(f"{release}:"):
                found.setdefault(PROJECT, item["id"])
        return found

    def live(self) -> dict[str, str]:
        """What serves now, keyed as in :meth:`versions`."""
        found = {}
        for script in WORKERS.values():
            shares = self.api.live(script)["versions"]
            found[script] = " + ".join(share["version_id"] for share in shares if share["percentage"] > 0)
        found[PROJECT] = self.api("GET", f"A/pages/projects/{PROJECT}")["canonical_deployment"]["id"]
        return found

    def serve(self, release: str) -> None:
        """Put a release into service, whatever serves now."""
        for name, version in self.versions(release).items():
            if name == PROJECT:
                self.api("POST", f"A/pages/projects/{PROJECT}/deployments/{version}/rollback")
            else:
                self.api.deploy(name, version, force=True)
