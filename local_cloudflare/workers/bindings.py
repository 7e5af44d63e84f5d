"""Bindings of versions: what an upload inherits, what may be shown, and how two versions' secrets differ."""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from local_cloudflare.envelope import ApiError
from local_cloudflare.workers.model import Binding
from local_cloudflare.workers.shapes import check_binding, check_secret

SECRETS = ("secret_text", "secret_key")
_SHOWN_OF_A_SECRET = ("name", "type", "format", "algorithm", "usages")
_BARE = {"name", "type"}


def redacted(bindings: Iterable[Binding]) -> list[Binding]:
    """The bindings as the API shows them: a secret without its value."""
    return [
        {key: b[key] for key in _SHOWN_OF_A_SECRET if key in b} if b["type"] in SECRETS else b
        for b in bindings
    ]


def secrets(bindings: Iterable[Binding]) -> dict[str, Binding]:
    """The secrets among the bindings by name."""
    return {b["name"]: b for b in bindings if b["type"] in SECRETS}


def changed_secrets(one: Iterable[Binding], other: Iterable[Binding]) -> list[str]:
    """Names of the secrets that only one side has or whose values differ, sorted."""
    left, right = secrets(one), secrets(other)
    return sorted(name for name in left.keys() | right.keys() if left.get(name) != right.get(name))


def resolve(
    declared: Any, keep: Any, previous: Sequence[Binding], *, strict: bool, bare_inherits: bool = False
) -> list[Binding]:
    """The bindings of a new version.

    `declared` and `keep` are metadata.bindings and metadata.keep_bindings; `previous` the newest version's.
    An inherit binding takes the value of the same (or `old_name`) binding; `strict` refuses one without a
    source (10057), as bindings_inherit=strict does. `bare_inherits`: a binding of name and type alone
    inherits too, which is how PATCH settings keeps what it does not change. Without keep_bindings secrets are
    kept: `wrangler deploy` sends none, and a deploy does not lose its Worker's secrets.
    """
    before = {b["name"]: b for b in previous}
    result: dict[str, Binding] = {}
    for binding in declared or []:
        check_binding(binding)
        name = binding["name"]
        if name in result:
            raise ApiError(400, 10021, f"Binding name '{name}' already in use.")
        if binding["type"] == "inherit" or (bare_inherits and binding.keys() == _BARE):
            source = before.get(str(binding.get("old_name", name)))
            if source is not None:
                result[name] = {**source, "name": name}
            elif strict or bare_inherits:
                raise ApiError(400, 10057, f"Could not resolve inherit binding '{name}': no such binding.")
        else:
            if binding["type"] in SECRETS:
                check_secret(binding)
            result[name] = _both_ids(binding) if binding["type"] == "d1" else binding
    for binding in previous:
        if binding["type"] in (SECRETS if keep is None else keep):
            result.setdefault(binding["name"], binding)
    return list(result.values())


def _both_ids(binding: Binding) -> Binding:
    """A D1 binding names its database as `id` (wrangler) or `database_id` (the API's newer name)."""
    uuid = binding.get("id", binding.get("database_id"))
    return {**binding, "id": uuid, "database_id": uuid}


def check_resources(db: sqlite3.Connection, bindings: Iterable[Binding]) -> None:
    """Refuses bindings to a KV namespace (10041) or D1 database (10021) that is not there, or no longer."""
    for binding in bindings:
        if binding["type"] == "kv_namespace":
            namespace = str(binding.get("namespace_id"))
            if db.execute("SELECT 1 FROM kv_namespaces WHERE id = ?", (namespace,)).fetchone() is None:
                raise ApiError(400, 10041, f"KV namespace '{namespace}' not found.")
        if binding["type"] == "d1":
            database = str(binding.get("id"))
            if db.execute("SELECT 1 FROM d1_databases WHERE uuid = ?", (database,)).fetchone() is None:
                raise ApiError(
                    400,
                    10021,
                    f"binding {binding['name']} of type d1 must have a database that already exists."
                    " Use wrangler or the UI to create the database.",
                )


def check_targets(
    db: sqlite3.Connection, script: str, bindings: Sequence[Binding], classes: Iterable[str]
) -> None:
    """Refuses bindings to what does not exist: services 10143, Durable Object classes 10061, KV 10041,
    D1 10021."""
    check_resources(db, bindings)
    known_classes = set(classes)
    for binding in bindings:
        if binding["type"] == "service" and binding.get("service") != script:
            target = binding.get("service")
            if db.execute("SELECT 1 FROM scripts WHERE name = ?", (target,)).fetchone() is None:
                raise ApiError(
                    400,
                    10143,
                    f"Could not resolve service binding '{binding['name']}'."
                    f" Target script '{target}' not found.",
                )
        if binding["type"] == "durable_object_namespace" and binding.get("script_name", script) == script:
            name = binding.get("class_name")
            if name not in known_classes:
                raise ApiError(
                    400,
                    10061,
                    f"Cannot create binding for class '{name}' because it is not currently configured to"
                    " implement Durable Objects. Did you forget to apply a migration?",
                )
