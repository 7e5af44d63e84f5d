"""The switch alone with 5, 50 and 500 Workers, against the same calls one Worker at a time."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.fleet import fleet, moves_back
from plugins.module_utils.cloudflare.switch import switch
from plugins.module_utils.journal import Journal
from plugins.module_utils.redact import Redactor

SIZES = (5, 50, 500)
LATENCIES = (0, 100)
LIMIT = 1200
# One Worker at a time is only measured as long as somebody would wait for it.
PEER_UP_TO = 50


def measure(runs: int) -> None:
    """Print the table."""
    print(f"\nSwitch of N Workers (read, write, read back), medians of {runs} runs")
    titles = ("Workers", "API latency", "at once", "one by one", "ratio", "API calls")
    print("  ".join(f"{title:>11}" for title in titles))
    for latency in LATENCIES:
        for size in SIZES:
            with tempfile.TemporaryDirectory(prefix="knowngood-bench-") as folder:
                _row(Path(folder), size, latency, runs)


def _row(folder: Path, size: int, latency: int, runs: int) -> None:
    with fleet(folder / "state", size, latency_ms=latency, budget=1_000_000) as (instance, rest, moves):
        journal = Journal(folder, "bench", Redactor())

        def once(at_once: bool) -> float:
            moves_back(instance, moves)
            began = time.monotonic()
            batches = [moves] if at_once else [[move] for move in moves]
            for batch in batches:
                done = switch(rest, batch, order={}, message="bench", force=False, journal=journal)
                assert all(item.state == "moved" for item in done), done
            return time.monotonic() - began

        ours = [once(True) for _ in range(runs + 1)][1:]
        peer = [once(False) for _ in range(runs)] if size <= PEER_UP_TO else []
    calls = 3 * size
    ratio = f"{median(p / o for p, o in zip(peer, ours, strict=True)):.1f}x" if peer else "-"
    shown = f"{median(peer):.2f} s" if peer else "-"
    over = "" if calls <= LIMIT else f"  (over {LIMIT} in 5 minutes: the real API makes it wait once)"
    cells = (str(size), f"{latency} ms", f"{median(ours):.2f} s", shown, ratio, str(calls))
    print("  ".join(f"{cell:>11}" for cell in cells) + over, flush=True)
