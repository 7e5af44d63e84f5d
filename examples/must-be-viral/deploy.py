#!/usr/bin/env python3
"""Deploys a release of the sample application, good or bad, with the real wrangler.

    python examples/must-be-viral/deploy.py r2 --environment local --local .local/cloudflare
    python examples/must-be-viral/deploy.py r3 --environment staging --bad wrong-body

Without --local the target is what CLOUDFLARE_API_BASE_URL, CLOUDFLARE_API_TOKEN and CLOUDFLARE_ACCOUNT_ID
name. What the application needs and does not have yet (KV namespaces, the D1 database, the Pages project and
its domains, auth's secret) is created first, and the migrations of the release are applied.
"""

import argparse
import hashlib
import json
import logging
import os
import re
import secrets
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from account import Account, DeployError, Target

HERE = Path(__file__).resolve().parent
WRANGLER = (str(HERE.parents[1] / "node_modules" / ".bin" / "wrangler"),)

# A service binding needs its target to exist, so the gateway comes after the four that it calls.
CALLEES = ("auth", "content", "analytics", "websocket")
GATEWAY = "api-gateway"
WORKERS = (*CALLEES, GATEWAY)
SITE = "site"
MAINTENANCE = "maintenance"
COMPONENTS = (*WORKERS, SITE)
AT_ONCE = 2  # wrangler processes; each keeps a core busy

DOMAINS = {
    "local": ("mustbeviral.com", "www.mustbeviral.com"),
    "staging": ("staging.mustbeviral.com",),
    "production": ("mustbeviral.com", "www.mustbeviral.com"),
}

# What each bad release compiles into which Worker; the names are those of workers/shared/release.js.
FAULTS: Mapping[str, Mapping[str, str]] = {
    "throws": dict.fromkeys(WORKERS, "throws"),
    "wrong-body": dict.fromkeys(WORKERS, "error-status") | {"content": "html"},
    "slow": dict.fromkeys(WORKERS, "slow"),
    "one-worker": {"content": "throws"},
    "payments": {"api-gateway": "refunds-twice"},
    "secret": dict.fromkeys(WORKERS, "throws"),
    # The site's build came out empty but for its page.
    "broken-build": {},
}

# The last migration of a release, by its number; the bad one comes after those of a good release.
FIRST_MIGRATION = {"r1": 1}
LAST_MIGRATION = 2
BAD_MIGRATION = 3

SECRET = "JWT_SECRET"

log = logging.getLogger("must-be-viral")


def run_wrangler(
    command: Sequence[str], arguments: Sequence[str], *, target: Target, home: Path, stdin: str | None = None
) -> "subprocess.CompletedProcess[str]":
    """Runs wrangler as nobody in particular: no login, no configuration, no terminal, no questions.

    The environment is built, not inherited: a variable that tells wrangler that an AI agent is at work
    makes `pages deploy` deploy a Worker, and the caller's folder may hold a broken wrangler.toml.
    Returned whatever the exit code; the output is without colours.
    """
    environ = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "CI": "1",
        "NO_COLOR": "1",
        "WRANGLER_SEND_METRICS": "false",
        "WRANGLER_HIDE_BANNER": "true",  # and with it the question to npm whether there is a newer one
        "CLOUDFLARE_API_BASE_URL": target.api_url,
        "CLOUDFLARE_API_TOKEN": target.token,
        "CLOUDFLARE_ACCOUNT_ID": target.account_id,
    }
    done = subprocess.run(
        [*command, *arguments],
        env=environ,
        cwd=home,
        input=stdin or "",
        capture_output=True,
        text=True,
        check=False,
    )
    done.stdout, done.stderr = (re.sub(r"\x1b\[[0-9;]*m", "", text) for text in (done.stdout, done.stderr))
    return done


@dataclass(frozen=True)
class _Deployment:
    """One deployment of one release, in a temporary directory of its own."""

    release: str
    bad: str | None
    schema: int
    environment: str
    account: Account
    wrangler: Callable[..., None]
    tmp: Path

    @property
    def message(self) -> str:
        # A release is found again by this name: it opens the message of Workers and Pages alike.
        return f"{self.release}: Must Be Viral"

    def prepare(self) -> None:
        """The page that is shown when the application is away. It is no part of a release, and made once."""
        path = HERE / "workers" / MAINTENANCE / "wrangler.toml"
        script = tomllib.loads(path.read_text())["env"][self.environment]["name"]
        if not self.account.has_script(script):
            self.wrangler("deploy", "--config", str(path), "--env", self.environment)

    def component(self, name: str) -> None:
        started = time.monotonic()
        if name == SITE:
            self._site()
        else:
            self._worker(name)
        log.info("%-12s %s  %.1f s", name, self.release, time.monotonic() - started)

    def _worker(self, worker: str) -> None:
        config = self._config(worker)
        script = config["env"][self.environment]["name"]
        fault = FAULTS[self.bad].get(worker, "none") if self.bad else "none"
        arguments = ["--tag", self.release, "--message", self.message]
        arguments += ["--define", f"__RELEASE__:{json.dumps(self.release)}"]
        arguments += ["--define", f"__FAULT__:{json.dumps(fault)}"]
        if worker == GATEWAY:
            arguments += ["--var", f"RELEASE:{self.release}"]
        if worker == "auth" and not self.account.has_secret(script, SECRET):
            arguments += ["--secrets-file", str(self._write("secrets.json", {SECRET: secrets.token_hex(32)}))]
        path = self._write(f"{worker}/wrangler.json", config)
        # The payments' table is made by the code that needs it.
        if worker == "content":
            (binding,) = config["env"][self.environment]["d1_databases"]
            self._migrate(worker, binding["database_name"], path)
            arguments += ["--define", f"__SCHEMA__:{self.schema}"]
        self.wrangler("deploy", "--config", str(path), "--env", self.environment, *arguments)
        if worker == "auth" and self.bad == "secret":
            self.wrangler("secret", "put", SECRET, "--name", script, stdin=secrets.token_hex(32))

    def _migrate(self, worker: str, database: str, config: Path) -> None:
        """Applies the migrations of this release, which wrangler looks for beside the configuration."""
        folder = config.parent / "migrations"
        folder.mkdir()
        for migration in (HERE / "workers" / worker / "migrations").glob("*.sql"):
            if int(migration.name[:4]) <= self.schema:
                shutil.copy(migration, folder)
        target = ["--remote", "--config", str(config), "--env", self.environment]
        self.wrangler("d1", "migrations", "apply", database, *target)

    def _config(self, worker: str) -> dict[str, Any]:
        """The checked-in configuration with the ids of this account's namespaces and databases filled in."""
        source = HERE / "workers" / worker / "wrangler.toml"
        config = tomllib.loads(source.read_text())
        config["main"] = str(source.parent / config["main"])
        settings = config["env"][self.environment]
        self._fill_in(settings.get("kv_namespaces", []), "id", self.account.namespaces)
        self._fill_in(settings.get("d1_databases", []), "database_id", self.account.databases)
        return config

    def _fill_in(
        self, bindings: list[dict[str, str]], key: str, find: Callable[[list[str]], dict[str, str]]
    ) -> None:
        names = [binding[key].strip("<>") for binding in bindings]
        ids = find(names) if names else {}
        for binding, name in zip(bindings, names, strict=True):
            binding[key] = ids[name]

    def _write(self, name: str, content: object) -> Path:
        path = self.tmp / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content))
        return path

    def _site(self) -> None:
        project = f"must-be-viral-{self.environment}"
        self.account.project(project, DOMAINS[self.environment])
        folder = self.tmp / "site"
        shutil.copytree(HERE / "site", folder)
        index = folder / "index.html"
        note = f"This release is bad: {self.bad}." if self.bad else "Everything is in order."
        index.write_text(index.read_text().replace("@RELEASE@", self.release).replace("@NOTE@", note))
        if self.bad == "broken-build":
            shutil.rmtree(folder / "assets")
        else:
            self._say_version(folder)
        commit = hashlib.sha1(self.release.encode(), usedforsecurity=False).hexdigest()
        arguments = ["--project-name", project, "--branch", "main", "--commit-hash", commit]
        arguments += ["--commit-message", self.message, "--commit-dirty=false"]
        self.wrangler("pages", "deploy", str(folder), *arguments)

    def _say_version(self, folder: Path) -> None:
        version = {"version": self.release, "built": datetime.now(UTC).isoformat(timespec="milliseconds")}
        (folder / "version.json").write_text(json.dumps(version | ({"bad": self.bad} if self.bad else {})))


def deploy(
    release: str,
    *,
    target: Target,
    bad: str | None = None,
    bad_migration: bool = False,
    wrangler: Sequence[str] = WRANGLER,
    environment: str = "local",
    only: Collection[str] | None = None,
) -> None:
    """Deploys `release`, in about five seconds on two cores.

    `bad` is a key of FAULTS; `bad_migration` adds the migration that loses data and that older code cannot
    read; `wrangler` is the command and its first arguments; `only` names components (all when None). Raises
    DeployError, with what wrangler printed when it was wrangler that failed.
    """
    with tempfile.TemporaryDirectory(prefix="must-be-viral-") as name, ThreadPoolExecutor(AT_ONCE) as pool:
        tmp = Path(name)

        def call(*arguments: str, stdin: str | None = None) -> None:
            done = run_wrangler(wrangler, arguments, target=target, home=tmp, stdin=stdin)
            if done.returncode:
                what = " ".join(arguments[:2])
                raise DeployError(
                    f"wrangler {what} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
                )

        schema = BAD_MIGRATION if bad_migration else FIRST_MIGRATION.get(release, LAST_MIGRATION)
        deployment = _Deployment(release, bad, schema, environment, Account(target), call, tmp)
        if only is None:
            deployment.prepare()
        for stage in (CALLEES, (GATEWAY, SITE)):
            chosen = [component for component in stage if only is None or component in only]
            list(pool.map(deployment.component, chosen))  # raises what a component raised


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line. Exit code 0, or 1 with one message."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").partition("\n\n")[0],
        epilog=(__doc__ or "").partition("\n\n")[2],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("release", help="its name, for example r2: the tag of the versions it makes")
    parser.add_argument("--environment", required=True, choices=sorted(DOMAINS))
    parser.add_argument("--bad", choices=sorted(FAULTS), help="make it a bad release, in this way")
    parser.add_argument(
        "--bad-migration",
        action="store_true",
        help="also migrate content's database in a way that loses data and that older code cannot read",
    )
    parser.add_argument(
        "--only", nargs="+", choices=COMPONENTS, metavar="COMPONENT", help=", ".join(COMPONENTS)
    )
    parser.add_argument(
        "--local", type=Path, metavar="STATE_DIR", help="the local Cloudflare that runs on it"
    )
    parser.add_argument(
        "--wrangler", type=shlex.split, default=WRANGLER, help="another wrangler, as a command"
    )
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    try:
        target = Target.of_state(given.local) if given.local else Target.of_environment(os.environ)
        deploy(
            given.release,
            target=target,
            bad=given.bad,
            bad_migration=given.bad_migration,
            wrangler=given.wrangler,
            environment=given.environment,
            only=given.only,
        )
    except DeployError as error:
        print(f"not deployed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
