"""The account that the sample application is deployed to: which one it is, and what is made ready in it."""

import itertools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

__all__ = ["Account", "DeployError", "Target"]

API = "https://api.cloudflare.com/client/v4"

_REFUSE = object()


class DeployError(Exception):
    """Something that the person who deploys has to put right; the text says what."""


@dataclass(frozen=True)
class Target:
    """The account to deploy to. `api_url` ends with /client/v4."""

    api_url: str
    token: str
    account_id: str

    @classmethod
    def of_environment(cls, environ: Mapping[str, str]) -> "Target":
        """From the variables that wrangler itself reads. DeployError names a missing one."""
        missing = [n for n in ("CLOUDFLARE_API_TOKEN", "CLOUDFLARE_ACCOUNT_ID") if not environ.get(n)]
        if missing:
            raise DeployError(f"set {' and '.join(missing)}, or give --local STATE_DIR")
        url = environ.get("CLOUDFLARE_API_BASE_URL") or API
        return cls(url.rstrip("/"), environ["CLOUDFLARE_API_TOKEN"], environ["CLOUDFLARE_ACCOUNT_ID"])

    @classmethod
    def of_state(cls, state: Path) -> "Target":
        """From the ready.json of a running local Cloudflare."""
        try:
            ready = json.loads((state / "ready.json").read_text())
        except FileNotFoundError:
            raise DeployError(f"no local Cloudflare is running on {state} (there is no ready.json)") from None
        return cls(ready["api_url"], ready["api_token"], ready["account_id"])


class Account:
    """The few REST calls that prepare the account; everything else is wrangler's."""

    def __init__(self, target: Target) -> None:
        self._api = target.api_url
        self._base = f"{target.api_url}/accounts/{target.account_id}"
        self._http = requests.Session()
        self._http.headers["authorization"] = f"Bearer {target.token}"

    def call(self, method: str, path: str, body: object = None, *, absent: Any = _REFUSE) -> Any:
        """The `result` of a call, or `absent` if that is given and the answer is 404.

        The path is below the account, or below /zones. DeployError carries the API's own message.
        """
        base = self._api if path.startswith("/zones") else self._base
        try:
            answer = self._http.request(method, base + path, json=body, timeout=30)
            content = answer.json()
        except (requests.RequestException, ValueError) as error:
            raise DeployError(f"{method} {path}: {error}") from error
        if answer.status_code == 404 and absent is not _REFUSE:
            return absent
        if not content.get("success"):
            problems = "; ".join(f"{e['code']} {e['message']}" for e in content.get("errors", []))
            raise DeployError(f"{method} {path}: HTTP {answer.status_code}: {problems}")
        return content["result"]

    def namespaces(self, titles: Iterable[str]) -> dict[str, str]:
        """KV namespace ids by title; creates what is missing."""
        ids: dict[str, str] = {}
        for page in itertools.count(1):
            found = self.call("GET", f"/storage/kv/namespaces?per_page=100&page={page}")
            ids |= {namespace["title"]: namespace["id"] for namespace in found}
            if len(found) < 100:
                break
        for title in titles:
            if title not in ids:
                ids[title] = self.call("POST", "/storage/kv/namespaces", {"title": title})["id"]
        return ids

    def databases(self, names: Iterable[str]) -> dict[str, str]:
        """D1 database ids by name; creates what is missing."""
        ids: dict[str, str] = {}
        for name in names:
            found = self.call("GET", f"/d1/database/{name}", absent=None)
            ids[name] = (found or self.call("POST", "/d1/database", {"name": name}))["uuid"]
        return ids

    def project(self, name: str, domains: Iterable[str]) -> None:
        """Makes sure that the Pages project exists, and has its domains, with their DNS records."""
        path = f"/pages/projects/{name}"
        if self.call("GET", path, absent=None) is None:
            self.call("POST", "/pages/projects", {"name": name, "production_branch": "main"})
        known = {d["name"] for d in self.call("GET", f"{path}/domains")}
        for domain in domains:
            if domain not in known:
                self.call("POST", f"{path}/domains", {"name": domain})
                self._point(domain, f"{name}.pages.dev")

    def _point(self, domain: str, to: str) -> None:
        """Lets a name without records lead to the project, where the zone is in this account."""
        zones = self.call("GET", "/zones?per_page=50")
        zone = next((zone for zone in zones if f".{domain}".endswith(f".{zone['name']}")), None)
        if zone is None or self.call("GET", f"/zones/{zone['id']}/dns_records?name.exact={domain}"):
            return
        record = {"type": "CNAME", "name": domain, "content": to, "ttl": 1, "proxied": True}
        self.call("POST", f"/zones/{zone['id']}/dns_records", record)

    def has_script(self, script: str) -> bool:
        return self.call("GET", f"/workers/scripts/{script}/settings", absent=None) is not None

    def has_secret(self, script: str, name: str) -> bool:
        return any(
            s["name"] == name for s in self.call("GET", f"/workers/scripts/{script}/secrets", absent=[])
        )
