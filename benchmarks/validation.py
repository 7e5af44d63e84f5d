"""The tier quick on seven components at a latency, against ``ansible-playbook``'s own start, and against ``curl``.

Every call to Cloudflare and every answer of the edge takes the latency. The start is a playbook with the same inventory
and hosts that does nothing. ``curl -f`` asks the six health addresses one after the other, as the runbook does; it
looks at nothing but the status.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import requests
import yaml

from local_cloudflare.launch import Instance, start
from tests.support.environment import ROOT, Environment
from tests.support.seed import build

LATENCIES = (0, 100)
GOAL = 2.0
_NOTHING = [{"hosts": "workers:pages:d1:postgres", "gather_facts": False, "tasks": [{"meta": "noop"}]}]


@dataclass(frozen=True)
class Round:
    """Seconds of one round; ``checks`` is what the stage of the checks took of it."""

    ours: float
    nothing: float
    checks: float
    curl: float


def measure(runs: int) -> None:
    """Print the table."""
    print(f"\nThe tier quick on seven components, medians of {runs} rounds, goal {GOAL:g} s beyond the start")
    titles = ("latency", "ours, whole", "start alone", "beyond it", "the checks", "curl x6")
    print("  ".join(f"{title:>12}" for title in titles))
    with tempfile.TemporaryDirectory(prefix="knowngood-bench-") as folder:
        nothing = Path(folder) / "nothing.yml"
        nothing.write_text(yaml.safe_dump(_NOTHING))
        seed = build(Path(folder) / "seed")
        for latency in LATENCIES:
            state = seed.copy(Path(folder) / f"at-{latency}")
            with start(state, latency_ms=latency, budget=1_000_000) as instance:
                environment = Environment(instance)
                environment.serve("r2")
                if latency:
                    told = {"kind": "latency", "latency_ms": latency, "lease_seconds": 3600}
                    place = f"{instance.admin_url}/edge/faults"
                    requests.post(place, json=told, timeout=5).raise_for_status()
                rounds = [_round(environment, instance, nothing) for _ in range(runs + 1)][1:]
            seconds = [median(getattr(one, name) for one in rounds) for name in ("ours", "nothing")]
            seconds.append(median(one.ours - one.nothing for one in rounds))
            seconds += [median(getattr(one, name) for one in rounds) for name in ("checks", "curl")]
            cells = [f"{latency} ms", *(f"{s:.2f} s" for s in seconds)]
            print("  ".join(f"{cell:>12}" for cell in cells), flush=True)


def _round(environment: Environment, instance: Instance, nothing: Path) -> Round:
    began = time.monotonic()
    run = environment.play("validate.yml", "--tags", "quick")
    ours = time.monotonic() - began
    if run.code:
        raise SystemExit(f"the validation failed:\n{run.output}")
    checks = next(e["seconds"] for e in run.events if e["event"] == "stage.end" and e["stage"] == "validate")
    began = time.monotonic()
    environment.play(str(nothing))
    alone = time.monotonic() - began
    began = time.monotonic()
    for url in _addresses():
        command = [
            "curl",
            "-sf",
            "-o",
            "/dev/null",
            "--cacert",
            instance.ca_file,
            "--connect-to",
            f"::{instance.edge}",
        ]
        subprocess.run([*command, url], check=True)
    return Round(ours, alone, checks, time.monotonic() - began)


def _addresses() -> list[str]:
    groups = yaml.safe_load((ROOT / "inventories/local/hosts.yml").read_text())["all"]["children"]
    hosts = [host for name in ("workers", "pages") for host in groups[name]["hosts"].values()]
    return [host["health"]["url"] for host in hosts]
