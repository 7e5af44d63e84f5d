"""Reading a script or version upload: multipart/form-data with `metadata` and one part per module."""

import base64
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response

from local_cloudflare.envelope import ApiError
from local_cloudflare.workers import shapes
from local_cloudflare.workers.model import own_refusal

_TYPES = {
    "application/javascript+module": "esm",
    "text/javascript+module": "esm",
    "application/javascript": "cjs",
    "text/javascript": "cjs",
    "application/wasm": "wasm",
    "text/plain": "text",
    "application/octet-stream": "data",
    "text/x-python": "py",
    "application/json": "json",
}
_SOURCE_MAP = "application/source-map"
_NAME = re.compile(r"[a-z0-9_][a-z0-9_-]{0,62}")
_ANNOTATIONS = ("workers/message", "workers/tag", "workers/alias")
RUNTIME_SETTINGS = ("compatibility_date", "compatibility_flags", "usage_model", "limits", "placement")
OLDEST_RUNTIME = {
    "compatibility_date": "2021-11-02",
    "compatibility_flags": [],
    "usage_model": "standard",
}
"""The runtime of an upload that names none (workers/configuration/compatibility-dates)."""

SCRIPT_SETTINGS = ("logpush", "observability", "tags", "tail_consumers")
"""What belongs to the script and not to a version."""


@dataclass(frozen=True)
class Upload:
    """The parts of one upload; `metadata` is as sent."""

    metadata: dict[str, Any]
    modules: dict[str, dict[str, str]]

    @property
    def modules_json(self) -> str:
        """The modules in the form the store keeps and the edge reads; equal code gives equal text."""
        return json.dumps(self.modules, sort_keys=True)

    @property
    def runtime(self) -> dict[str, Any]:
        """The runtime settings of the version."""
        given = {key: self.metadata[key] for key in RUNTIME_SETTINGS if self.metadata.get(key) is not None}
        return {**OLDEST_RUNTIME, **given}

    @property
    def script_settings(self) -> dict[str, Any]:
        """The settings of the script that the upload names."""
        return {key: self.metadata[key] for key in SCRIPT_SETTINGS if self.metadata.get(key) is not None}

    def annotations(self, triggered_by: str) -> dict[str, str]:
        """The version's annotations."""
        return {**annotations(self.metadata), "workers/triggered_by": triggered_by}


def annotations(body: Mapping[str, Any]) -> dict[str, str]:
    """The annotations a client may set. Messages longer than 1000 bytes are cut, as documented."""
    shapes.check(body)
    given = body.get("annotations") or {}
    return {
        key: str(given[key]).encode()[:1000].decode(errors="ignore") for key in _ANNOTATIONS if given.get(key)
    }


def check_name(name: str) -> None:
    """ApiError 10016 for a name no Worker can have."""
    if _NAME.fullmatch(name) is None:
        raise ApiError(400, 10016, f"Invalid script name: {name!r}.")


async def read(request: Request) -> Upload:
    """Parses the request. ApiError 10021 says what is wrong with it."""
    async with request.form(max_files=2000, max_part_size=16 * 1024 * 1024) as form:
        raw = form.get("metadata")
        if isinstance(raw, UploadFile):
            raw = (await raw.read()).decode(errors="replace")
        try:
            metadata = json.loads(raw or "")
        except ValueError:
            metadata = None
        if not isinstance(metadata, dict):
            raise ApiError(400, 10021, "The upload has no `metadata` part that is a JSON object.")
        shapes.check(metadata)
        modules = {}
        for _, part in form.multi_items():
            if isinstance(part, UploadFile) and part.filename and part.filename != "metadata":
                media_type = (part.content_type or "").split(";")[0].strip()
                if media_type != _SOURCE_MAP:
                    modules[part.filename] = _module(part.filename, media_type, await part.read())
    main = metadata.get("main_module")
    if not isinstance(main, str):
        raise own_refusal("Only Workers in module format (metadata.main_module) run here.")
    if main not in modules:
        raise ApiError(400, 10021, f'Uncaught Error: No such module "{main}".')
    return Upload(metadata, modules)


def _module(name: str, media_type: str, content: bytes) -> dict[str, str]:
    kind = _TYPES.get(media_type)
    if kind is None:
        raise ApiError(400, 10021, f"Module {name!r} has the unsupported content type {media_type!r}.")
    if kind in ("wasm", "data"):
        return {"type": kind, "base64": base64.b64encode(content).decode()}
    try:
        return {"type": kind, "body": content.decode()}
    except UnicodeDecodeError:
        raise ApiError(400, 10021, f"Module {name!r} is not valid UTF-8.") from None


def form(main_module: str, modules: Mapping[str, Mapping[str, str]]) -> Response:
    """The modules as multipart/form-data with the header cf-entrypoint: the reverse of `read`."""
    types = {kind: media_type for media_type, kind in reversed(_TYPES.items())}
    boundary = secrets.token_hex(16)
    parts = []
    for name, module in modules.items():
        body = base64.b64decode(module["base64"]) if "base64" in module else module["body"].encode()
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{name}"\r\n'
            f"Content-Type: {types[module['type']]}\r\n\r\n"
        )
        parts.append(head.encode() + body + b"\r\n")
    content = b"".join(parts) + f"--{boundary}--\r\n".encode()
    headers = {"cf-entrypoint": main_module}
    return Response(content, 200, headers, f"multipart/form-data; boundary={boundary}")
