"""A whole rollback, and its switch, against five times ``wrangler rollback`` in sequence."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from local_cloudflare.launch import Instance, start
from tests.support.environment import WORKERS, Environment
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
    titles = ("API latency", "ours, whole", "ours, switch", "wrangler x5", "whole", "switch")
    print("  ".join(f"{title:>12}" for title in titles))
    with tempfile.TemporaryDirectory(prefix="knowngood-bench-") as folder:
        seed = build(Path(folder) / "seed")
        for latency in LATENCIES:
            state = seed.copy(Path(folder) / f"at-{latency}")
            with start(state, latency_ms=latency, budget=1_000_000) as instance:
                pairs = [_pair(instance, Path(folder)) for _ in range(runs + 1)][1:]
            seconds = [median(getattr(pair, name) for pair in pairs) for name in ("ours", "switch", "peer")]
            whole = median(pair.peer / pair.ours for pair in pairs)
            alone = median(pair.peer / pair.switch for pair in pairs)
            cells = [f"{latency} ms", *(f"{s:.3f} s" for s in seconds), f"{whole:.1f}x", f"{alone:.1f}x"]
            print("  ".join(f"{cell:>12}" for cell in cells), flush=True)


def _pair(instance: Instance, folder: Path) -> Pair:
    environment = Environment(instance, Path(tempfile.mkdtemp(prefix="runs-", dir=folder)))
    environment.serve("r3")
    began = time.monotonic()
    # wrangler moves no data, so databases are left out of the comparison.
    run = environment.play("rollback.yml", "--limit", "workers:pages")
    ours = time.monotonic() - began
    if run.code:
        raise SystemExit(f"the rollback failed:\n{run.output}")
    switch = next(e["seconds"] for e in run.events if e["event"] == "stage.end" and e["stage"] == "switch")

    environment.serve("r3")
    targets = {script: environment.versions("r2")[script] for script in WORKERS.values()}
    wrangler = Wrangler(VERSIONS[0], instance, folder)
    began = time.monotonic()
    for script, version in targets.items():
        wrangler("rollback", version, "--name", script, "--message", "bench", "--yes")
    return Pair(ours, switch, time.monotonic() - began)
