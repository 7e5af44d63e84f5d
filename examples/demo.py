#!/usr/bin/env python3
"""Three releases of the sample application on a local Cloudflare, the last one bad, and the way back.

python examples/demo.py           deploy, break, roll back, validate, stop       (make demo)
python examples/demo.py --stay    deploy three releases and keep running         (make local)
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "examples" / "must-be-viral"
sys.path[:0] = [str(ROOT), str(SAMPLE), str(SAMPLE / "database")]

import app_database  # noqa: E402
import deploy  # noqa: E402
import requests  # noqa: E402
from account import Account, DeployError, Target  # noqa: E402

from local_cloudflare.launch import Instance, start  # noqa: E402
from local_postgres import launch as postgres  # noqa: E402
from plugins.module_utils.flow.left import FOLDER as FLOWS  # noqa: E402
from plugins.module_utils.probe.connect import Connector, NoAnswer  # noqa: E402

PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")
HEALTH = ("auth", "content", "analytics", "api", "ws")
RELEASES: tuple[tuple[str, str | None], ...] = (("r1", None), ("r2", None), ("r3", "throws"))
NEXT_BAD = "wrong-body"


def main() -> int:
    """The command line; the exit code is that of the step that failed."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").partition("\n\n")[0],
        epilog=(__doc__ or "").partition("\n\n")[2],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--stay", action="store_true", help="deploy what is missing, then run until Ctrl-C")
    parser.add_argument("--bad", choices=sorted(deploy.FAULTS), default="throws", help="how r3 is bad")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    state = ROOT / ".local" / ("cloudflare" if given.stay else "demo")
    if not given.stay:
        forget(state)
    try:
        with start(state) as instance, postgres.start(state / "postgres") as server:
            app_database.announce(server, state)
            return (stay if given.stay else demo)(instance, server, given.bad)
    except DeployError as error:
        print(f"not deployed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        if not given.stay:
            forget()


def forget(*folders: Path) -> None:
    """What flows keep for the next run is of this environment, which is gone then, as its state is."""
    for folder in (*folders, ROOT / ".runs" / FLOWS / "local"):
        shutil.rmtree(folder, ignore_errors=True)


def demo(instance: Instance, server: postgres.Instance, bad: str) -> int:
    """Break it, show it, take it back, prove it."""
    began = time.monotonic()
    timings: list[tuple[str, float]] = []

    def step(title: str) -> None:
        print(f"\n== {title}", flush=True)
        timings.append((title, time.monotonic()))

    step("Deploy three releases with wrangler: r1 and r2 are good, r3 is bad, its migration too")
    deploy_all(instance, server, bad)
    step("What users see of r3")
    look(instance)
    data(instance, server)
    step("ansible-playbook rollback.yml -i local")
    code = playbook(instance, "rollback.yml")
    if code == 0:
        step("What users see now")
        look(instance)
        data(instance, server)
        step("ansible-playbook rollback.yml -i local, once more: nothing to do")
        code = playbook(instance, "rollback.yml")
    if code == 0:
        step("r4 is bad in another way: the way back leads past r3, which is condemned")
        deploy.deploy("r4", target=Target.of_state(instance.state), bad=NEXT_BAD)
        code = playbook(instance, "rollback.yml", "-e", "reason='r4 answers nonsense'")
    if code == 0:
        step("ansible-playbook ledger.yml -i local")
        code = playbook(instance, "ledger.yml")
    if code == 0:
        step("ansible-playbook status.yml -i local")
        code = playbook(instance, "status.yml")
    step("Timings")
    for (title, at), (_, until) in pairwise(timings):
        print(f"  {until - at:6.1f} s  {title}")
    print(f"  {time.monotonic() - began:6.1f} s  together")
    for report in sorted((ROOT / ".runs").glob("*/report/incident.html"))[-1:]:
        print(f"The incident report, for a browser: {report.relative_to(ROOT)}")
    print("DONE: r3 and r4 were bad, r2 serves" if code == 0 else f"FAILED with exit code {code}")
    return code


def stay(instance: Instance, server: postgres.Instance, bad: str) -> int:
    """Keep the environment for trying things out."""
    account = Account(Target.of_state(instance.state))
    if account.call("GET", "/pages/projects/must-be-viral-local", absent=None) is None:
        deploy_all(instance, server, bad)
    print(
        f"""
The local environment runs: r3 is live, and bad. In another terminal, from this folder:
  source .venv/bin/activate
  ansible-playbook status.yml -i local
  ansible-playbook rollback.yml -i local --check --diff
  ansible-playbook rollback.yml -i local
  curl --cacert {instance.ca_file} --connect-to ::{instance.edge} https://auth.mustbeviral.com/health
Another release: python examples/must-be-viral/deploy.py r4 --environment local --local {instance.state}
Faults and the request log: {instance.admin_url}  (docs/local-cloudflare.md)
Ctrl-C stops it; remove {instance.state} to begin anew.""",
        flush=True,
    )
    instance.process.wait()
    return 0


def deploy_all(instance: Instance, server: postgres.Instance, bad: str) -> None:
    target = Target.of_state(instance.state)
    for release, fault in RELEASES:
        if fault:
            began = time.monotonic()
            if playbook(instance, "backup.yml"):
                raise DeployError("there is no backup, so nothing is migrated")
            print(
                f"  PostgreSQL: a backup, proved by restoring, in {time.monotonic() - began:.1f} s",
                flush=True,
            )
        began = time.monotonic()
        app_database.migrate(server, instance.state, {"r1": "0001", "r2": "0002"}.get(release, "0003"))
        deploy.deploy(release, target=target, bad=bad if fault else None, bad_migration=bool(fault))
        print(f"  {release}  five Workers and the site in {time.monotonic() - began:.1f} s", flush=True)
        if release != "r1":
            write(instance, f"written under {release}", "body" if fault else "text")
        app_database.pay(server, 9 if fault else 999, "amount" if fault else "cents")
        if not fault and playbook(instance, "record.yml"):
            raise DeployError(f"{release} was not recorded")


def write(instance: Instance, title: str, column: str) -> None:
    """One item with a long text, into the column that the schema has."""
    now = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"
    values = f"lower(hex(randomblob(8))), '{title}', '{'lorem ipsum ' * 20}', {now}, {now}"
    query(instance, f"INSERT INTO items (id, title, {column}, created, updated) VALUES ({values})")  # noqa: S608


def data(instance: Instance, server: postgres.Instance) -> None:
    """What is in the two databases."""
    for payment in app_database.payments(server):
        print(f"  app database: payment {payment}")
    columns = [row["name"] for row in query(instance, "SELECT name FROM pragma_table_info('items')")]
    column = "text" if "text" in columns else "body"
    found = query(instance, f"SELECT title, length({column}) AS n FROM items ORDER BY created")  # noqa: S608
    for row in found:
        print(f"  content database: item {row['title']!r}, {column} of {row['n']} characters")


def query(instance: Instance, sql: str) -> list[dict[str, Any]]:
    account = Account(Target.of_state(instance.state))
    found = account.call("GET", "/d1/database?name=must-be-viral-content-local")
    rows: list[dict[str, Any]] = account.call("POST", f"/d1/database/{found[0]['uuid']}/query", {"sql": sql})[
        -1
    ]["results"]
    return rows


def look(instance: Instance) -> None:
    """What a browser would get."""
    connector = Connector(connect_to=instance.edge, ca_file=str(instance.ca_file))
    urls = [f"https://{name}.mustbeviral.com/health" for name in HEALTH]
    for url in [*urls, "https://mustbeviral.com/version.json"]:
        try:
            answer = connector.get(url)
        except NoAnswer as error:
            print(f"  {url:<40} {error}")
            continue
        text = " ".join(answer.body.decode("utf-8", "replace").split())
        is_json = "json" in answer.headers.get("content-type", "")
        print(f"  {url:<40} {answer.status}  {text[:90] if is_json else '(an error page)'}")


def playbook(instance: Instance, name: str, *more: str) -> int:
    environment = {**os.environ, "LOCAL_CLOUDFLARE": str(instance.state)}
    environment.pop("KNOWNGOOD_RUN", None)
    return subprocess.run(
        [str(PLAYBOOK), name, "-i", "local", *more], cwd=ROOT, env=environment, check=False
    ).returncode


if __name__ == "__main__":
    try:
        sys.exit(main())
    except requests.ConnectionError as error:
        sys.exit(f"the local Cloudflare went away: {error}")
