"""Workers made of source text, uploaded over the REST API, and where they are asked."""

import itertools
import json
from pathlib import Path
from typing import Any

from tests.support.api import Api

_numbers = itertools.count(1)


def new_name(kind: str = "edge") -> str:
    """A name that no other test uses."""
    return f"{kind}-{next(_numbers)}"


def upload(api: Api, script: str, source: str, *, first: bool = False, **metadata: Any) -> str:
    """Uploads a version (and deploys it, when it is the `first`); its id."""
    metadata = {"main_module": "main.js", "compatibility_date": "2026-04-01", **metadata}
    parts = {
        "metadata": (None, json.dumps(metadata)),
        "main.js": ("main.js", source, "application/javascript+module"),
    }
    method, path = ("PUT", "") if first else ("POST", "/versions")
    answer = api.raw(method, f"A/workers/scripts/{script}{path}", files=parts)
    assert answer.ok, answer.text
    if first:
        return str(api.live(script)["versions"][0]["version_id"])
    return str(answer.json()["result"]["id"])


def publish(api: Api, script: str, source: str, **metadata: Any) -> str:
    """Makes a new Worker with a workers.dev name; the id of its first version."""
    version = upload(api, script, source, first=True, **metadata)
    api("POST", f"A/workers/scripts/{script}/subdomain", {"enabled": True})
    return version


def url(api: Api, script: str, path: str = "/") -> str:
    """The Worker's https address on workers.dev."""
    return f"https://{script}.{api('GET', 'A/workers/subdomain')['subdomain']}.workers.dev{path}"


def children(pid: int) -> list[int]:
    """The child processes of a process (Linux)."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
