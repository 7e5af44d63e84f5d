"""Pages sites made of texts, uploaded over the REST API as wrangler does it."""

import base64
import hashlib
import json
import mimetypes
import time
from collections.abc import Mapping
from typing import Any

import requests

from tests.support.api import Api


def key(path: str, content: str) -> str:
    """A content hash. The server takes it as a name, so that any hash will do."""
    return hashlib.sha256(f"{path}\0{content}".encode()).hexdigest()[:32]


def upload_files(api: Api, project: str, files: Mapping[str, str]) -> dict[str, str]:
    """Uploads what is missing; the manifest."""
    jwt = api("GET", f"A/pages/projects/{project}/upload-token")["jwt"]
    own = {"headers": {"authorization": f"Bearer {jwt}"}}
    manifest = {path: key(path, content) for path, content in files.items()}
    missing = set(api("POST", "/pages/assets/check-missing", {"hashes": list(manifest.values())}, **own))
    assets = [
        {
            "key": manifest[path],
            "value": base64.b64encode(content.encode()).decode(),
            "metadata": {"contentType": mimetypes.guess_type(path)[0] or "application/octet-stream"},
            "base64": True,
        }
        for path, content in files.items()
        if manifest[path] in missing
    ]
    api("POST", "/pages/assets/upload", assets, **own)
    api("POST", "/pages/assets/upsert-hashes", {"hashes": list(manifest.values())}, **own)
    return manifest


def create(
    api: Api, project: str, manifest: Any, *, branch: str = "main", **parts: str | tuple[str, str]
) -> requests.Response:
    """POST of a deployment. `parts`: `_headers`, `_redirects` and other fields."""
    fields = {"manifest": json.dumps(manifest), "branch": branch, "commit_message": "test"} | parts
    files = {name: value if isinstance(value, tuple) else (None, value) for name, value in fields.items()}
    return api.raw("POST", f"A/pages/projects/{project}/deployments", files=files)


def done(api: Api, deployment: dict[str, Any]) -> dict[str, Any]:
    """The deployment when its stages are over."""
    path = f"A/pages/projects/{deployment['project_name']}/deployments/{deployment['id']}"
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        found: dict[str, Any] = api("GET", path)
        stage = found["latest_stage"]
        if stage["status"] == "failure" or (stage["name"], stage["status"]) == ("deploy", "success"):
            return found
        time.sleep(0.02)
    raise AssertionError(f"the deployment does not end: {found}")


def deploy(api: Api, project: str, files: Mapping[str, str], **options: Any) -> dict[str, Any]:
    """A finished, successful deployment of these files."""
    answer = create(api, project, upload_files(api, project, files), **options)
    assert answer.ok, answer.text
    deployment = done(api, answer.json()["result"])
    assert deployment["latest_stage"]["status"] == "success"
    return deployment
