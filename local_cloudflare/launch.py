"""Starts a local Cloudflare as a child process, for tests, the demo and benchmarks."""

from dataclasses import dataclass
from pathlib import Path

from local_cloudflare.child import Child, LaunchError, launch
from local_cloudflare.state_dir import LOG, READY

__all__ = ["Instance", "LaunchError", "start"]


@dataclass(frozen=True)
class Instance(Child):
    """A running local Cloudflare; leaving the context stops it. Fields as in ready.json."""

    api_url: str
    admin_url: str
    edge: str
    dns: str
    ca_file: str
    account_id: str
    api_token: str
    zones: dict[str, str]


def start(
    state: Path, *, zones: tuple[str, ...] = ("mustbeviral.com",), timeout: float = 20.0, **options: float
) -> Instance:
    """Starts a server over `state` and waits until it is ready.

    `options` are the numeric options of the command with underscores, for example latency_ms=100. What the
    server prints goes to `state`/server.log. Raises LaunchError.
    """
    arguments = [argument for zone in zones for argument in ("--zone", zone)]
    for name, value in options.items():
        arguments += [f"--{name.replace('_', '-')}", str(value)]
    process, ready = launch(
        "local_cloudflare", arguments, state, name="Cloudflare", log=LOG, ready=READY, timeout=timeout
    )
    told = {name: ready[name] for name in Instance.__dataclass_fields__ if name in ready and name != "state"}
    return Instance(process=process, state=state, **told)
