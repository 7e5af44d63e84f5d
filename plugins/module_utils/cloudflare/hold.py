"""Keep what was rolled back from for the people who will look into it: code and description of a version.

Cloudflare keeps a Worker's versions, but anyone with the right may delete the Worker; and what Pages built
is only told by its log. No value of a secret is kept: Cloudflare shows none, and what came as one is dropped.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from email import message_from_bytes
from email.policy import HTTP
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests

from ..release.model import Component
from .client import Client
from .errors import CloudflareError

__all__ = ["hold"]

_WHOLE_LOG = 10_000_000


def hold(client: Client, component: Component, version_id: str, folder: Path) -> list[Path]:
    """Keep a version under ``folder/COMPONENT/VERSION``; the files, the description first.

    Of a Worker ``version.json`` and its modules in ``code/``; of a Pages project ``deployment.json`` and
    ``build.log`` (its files stay at the deployment's own address). Files have mode 0600. The description is
    written last, so what has one is whole: a second call changes nothing and asks nothing. Raises
    :class:`CloudflareError`, also when the folder cannot be written.
    """
    own = folder / _safe(component.name) / _safe(version_id)
    kept = own / ("deployment.json" if component.kind == "pages" else "version.json")
    try:
        if not kept.exists():
            read = _deployment if component.kind == "pages" else _version
            description, files = read(client, component, version_id)
            for name, content in files.items():
                _write(own, name, content)
            _write(own, kept.name, json.dumps(description, indent=2, ensure_ascii=False).encode() + b"\n")
        return [kept, *sorted(own.glob("code/*")), *own.glob("build.log")]
    except OSError as error:
        raise CloudflareError(f"{version_id} of {component.name} was not kept in {own}: {error}") from None


def _version(client: Client, component: Component, version_id: str) -> tuple[Any, dict[str, bytes]]:
    script = f"workers/scripts/{quote(component.target, safe='')}"
    description = client.read(f"{script}/versions/{quote(version_id, safe='')}")
    content = client.download(f"{script}/content/v2", version=version_id)
    bindings = description["resources"]["bindings"]
    for binding in bindings:
        if binding["type"].startswith("secret_"):
            binding.pop("text", None)
            binding.pop("key_base64", None)
            binding.pop("key_jwk", None)
    return description, {f"code/{_safe(name)}": module for name, module in _modules(content).items()}


def _deployment(client: Client, component: Component, version_id: str) -> tuple[Any, dict[str, bytes]]:
    project = f"pages/projects/{quote(component.target, safe='')}"
    path = f"{project}/deployments/{quote(version_id, safe='')}"
    description = client.read(path)
    for variable in (description.get("env_vars") or {}).values():
        if variable and variable.get("type") != "plain_text":
            variable.pop("value", None)
    lines = client.read(f"{path}/history/logs", size=_WHOLE_LOG)["data"]
    log = "".join(f"{item['ts']} {item['line']}\n" for item in lines)
    return description, {"build.log": log.encode()}


def _modules(content: requests.Response) -> dict[str, bytes]:
    """The parts of multipart/form-data by name; any other answer is one module."""
    type_ = content.headers.get("content-type", "")
    if not type_.startswith("multipart/"):
        return {content.headers.get("cf-entrypoint", "index.js"): content.content}
    form = message_from_bytes(f"Content-Type: {type_}\r\n\r\n".encode() + content.content, policy=HTTP)
    found: dict[str, bytes] = {}
    for part in form.iter_parts():
        name = part.get_filename() or part.get_param("name", "module", "content-disposition")
        payload = part.get_payload(decode=True)
        found[str(name)] = payload if isinstance(payload, bytes) else b""
    return found


def _safe(name: str) -> str:
    """One file name, whatever Cloudflare or an attacker calls a module."""
    quoted = quote(name, safe=" @+")
    return quoted if quoted.strip(".") else quoted.replace(".", "%2E")


def _write(own: Path, name: str, content: bytes) -> None:
    path = own / name
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Not beside the modules: what a kill leaves behind must not be taken for one.
    partial = own / f".{secrets.token_hex(6)}.partial"
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise
