"""The REST API of an instance and its request log, as tests use them."""

import json
import re
from typing import Any

import requests

from local_cloudflare.launch import Instance

WORKER = 'export default { fetch() { return new Response("%s"); } };'
"""A whole Worker that answers one text."""

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class Api:
    """Calls with the instance's token; paths that begin with `A/` are below the account."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._http = requests.Session()
        self._http.trust_env = False
        self._http.headers["authorization"] = f"Bearer {instance.api_token}"

    def raw(self, method: str, path: str, **options: Any) -> requests.Response:
        """The answer as it came."""
        path = re.sub(r"^A/", f"/accounts/{self._instance.account_id}/", path)
        return self._http.request(method, self._instance.api_url + path, timeout=30, **options)

    def __call__(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """The `result` of a call that must succeed."""
        answer = self.raw(method, path, json=body, **options)
        assert answer.ok and answer.json()["success"], f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()["result"]

    def upload(self, script: str, text: str, *, first: bool = False, **metadata: Any) -> str:
        """Uploads a version (deployed at once when `first`) that answers `text`; its id."""
        metadata = {"main_module": "main.js", "compatibility_date": "2026-04-01", **metadata}
        files = {
            "metadata": (None, json.dumps(metadata)),
            "main.js": ("main.js", WORKER % text, "application/javascript+module"),
        }
        method, path = ("PUT", "") if first else ("POST", "/versions")
        answer = self.raw(method, f"A/workers/scripts/{script}{path}", files=files)
        assert answer.ok, answer.text
        if first:
            return str(self.live(script)["versions"][0]["version_id"])
        return str(answer.json()["result"]["id"])

    def deploy(self, script: str, version: str, *, force: bool = False, **fields: Any) -> dict[str, Any]:
        """Makes one version live at 100 %; the deployment. `force`: although a secret has changed."""
        body = {"strategy": "percentage", "versions": [{"version_id": version, "percentage": 100}], **fields}
        path = f"A/workers/scripts/{script}/deployments{'?force=true' * force}"
        deployment: dict[str, Any] = self("POST", path, body)
        return deployment

    def live(self, script: str) -> dict[str, Any]:
        """The live deployment."""
        deployments: list[dict[str, Any]] = self("GET", f"A/workers/scripts/{script}/deployments")[
            "deployments"
        ]
        return deployments[0]

    def release(self, script: str, *names: str) -> list[str]:
        """Makes a Worker with one deployed version per name, each tagged with it; the version ids."""
        ids = []
        for index, name in enumerate(names):
            annotations = {"workers/tag": name, "workers/message": f"{name}: test"}
            ids.append(self.upload(script, name, first=index == 0, annotations=annotations))
            if index:
                self.deploy(script, ids[-1], annotations={"workers/message": f"{name}: test"})
        return ids

    def fault(self, fault: dict[str, Any]) -> None:
        """Injects a fault (see the admin API in docs/local-cloudflare.md)."""
        assert self._http.post(self._instance.admin_url + "/faults", json=fault, timeout=30).ok

    def heal(self) -> None:
        """Ends all faults."""
        assert self._http.delete(self._instance.admin_url + "/faults", timeout=30).ok

    def mark(self) -> int:
        """The present end of the request log, for `calls`."""
        log = self.log(0)
        return int(log[-1]["seq"]) if log else 0

    def calls(self, since: int, agent: str = "wrangler") -> list[str]:
        """What `agent` asked since `mark`: `METHOD path?query` with A for the account and {id} for UUIDs."""
        account = f"/client/v4/accounts/{self._instance.account_id}/"
        texts = []
        for call in self.log(since):
            if agent not in call["user_agent"]:
                continue
            path = call["path"] + (f"?{call['query']}" if call["query"] else "")
            path = path.replace(account, "A/").replace("/client/v4", "")
            texts.append(f"{call['method']} {_UUID.sub('{id}', path)}")
        return texts

    def log(self, since: int) -> list[dict[str, Any]]:
        """The calls since `mark` as the admin API shows them, oldest first."""
        calls: list[dict[str, Any]] = self._admin(f"/requests?since={since}")["requests"]
        return calls

    def is_holding(self, since: int) -> bool:
        """Whether a fault keeps a call that came after `mark`, or its answer, waiting now."""
        open_calls = [call for call in self.log(since) if call["fault"] and call["duration_ms"] is None]
        return any(call["applied"] or ":before:" in call["fault"] for call in open_calls)

    def _admin(self, path: str) -> Any:
        return self._http.get(self._instance.admin_url + path, timeout=30).json()
