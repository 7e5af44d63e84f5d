"""A whole rollback, and its switch, against five times ``wrangler rollback`` in sequence."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from local_cloudflare.launch import Instance, start
from plugins.module_utils.journal import FILE, read
from tests.support.environment import ROOT, WORKERS, Environment
from tests.support.seed import build
from tests.support.wrangler import VERSIONS, Wrangler

LATENCIES = (0, 100)


@dataclass(frozen=True)
class Pair:
    """Seconds: ours whole, ours switch only, the peer."""

    ours: float
    switch: float
    peer: float


def measure(runs: int) -> None:
    """Print the table."""
    print(
        f"\nRollback of five Workers and Pages against five times wrangler rollback, medians of {runs} runs"
    )
    print(
        f"{'API latency':>11}  {'ours, whole':>11}  {'ours, switch':>12}  {'wrangler x5':>11}  {'whole':>6}  {'switch':>6}"
    )
    with tempfile.TemporaryDirectory(prefix="knowngood-bench-") as folder:
        seed = build(Path(folder) / "seed")
        for latency in LATENCIES:
            with start(
                seed.copy(Path(folder) / f"at-{latency}"), latency_ms=latency, budget=1_000_000
            ) as instance:
                pairs = [_pair(instance, Path(folder)) for _ in range(runs + 1)][1:]
            ours, switch, peer = (
                median(getattr(pair, name) for pair in pairs) for name in ("ours", "switch", "peer")
            )
            whole = median(pair.peer / pair.ours for pair in pairs)
            alone = median(pair.peer / pair.switch for pair in pairs)
            print(
                f"{latency:>8} ms  {ours:>9.2f} s  {switch:>10.3f} s  {peer:>9.2f} s  {whole:>5.1f}x  {alone:>5.1f}x",
                flush=True,
            )


def _pair(instance: Instance, folder: Path) -> Pair:
    environment = Environment(instance)
    environment.serve("r3")
    runs = Path(tempfile.mkdtemp(prefix="runs-", dir=folder))
    began = time.monotonic()
    done = subprocess.run(
        [str(Path(sys.executable).with_name("ansible-playbook")), "rollback.yml", "-i", "local"],
        cwd=ROOT,
        env={**os.environ, "LOCAL_CLOUDFLARE": str(instance.state), "KNOWNGOOD_RUNS": str(runs)},
        capture_output=True,
        text=True,
        check=False,
    )
    ours = time.monotonic() - began
    if done.returncode:
        raise SystemExit(f"the rollback failed:\n{done.stdout}{done.stderr}")
    events = list(read(next(runs.glob(f"*/{FILE}"))))
    switch = next(e["seconds"] for e in events if e["event"] == "stage.end" and e["stage"] == "switch")

    environment.serve("r3")
    targets = {script: environment.versions("r2")[script] for script in WORKERS.values()}
    wrangler = Wrangler(instance, VERSIONS[0])
    began = time.monotonic()
    for script, version in targets.items():
        wrangler.run("rollback", version, "--name", script, "--message", "bench", "--yes")
    return Pair(ours, switch, time.monotonic() - began)
