"""What a version is bound to, in words: names and resources, never the values of secrets and variables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["of_project", "of_version"]

_SECRETS = ("secret_text", "secret_key")

# The fields that say where a binding points (cloudflare.md, 1.3); of other types only the name is told.
_POINTS_TO = {
    "kv_namespace": ("namespace_id",),
    "d1": ("database_id", "id"),
    "r2_bucket": ("bucket_name",),
    "queue": ("queue_name",),
    "service": ("service", "entrypoint"),
    "durable_object_namespace": ("class_name", "script_name"),
    "hyperdrive": ("id",),
    "vectorize": ("index_name",),
    "analytics_engine": ("dataset",),
    "dispatch_namespace": ("namespace",),
    "workflow": ("workflow_name",),
    "mtls_certificate": ("certificate_id",),
    "secrets_store_secret": ("store_id", "secret_name"),
}
# A Pages project lists its bindings by kind, with other names for the same fields.
_PAGES_KINDS = {
    "kv_namespaces": ("kv_namespace", "namespace_id"),
    "d1_databases": ("d1", "id"),
    "r2_buckets": ("r2_bucket", "name"),
    "queue_producers": ("queue", "name"),
    "services": ("service", "service"),
    "durable_object_namespaces": ("durable_object_namespace", "namespace_id"),
    "hyperdrive_bindings": ("hyperdrive", "id"),
    "vectorize_bindings": ("vectorize", "index_name"),
    "analytics_engine_datasets": ("analytics_engine", "dataset"),
    "mtls_certificates": ("mtls_certificate", "certificate_id"),
}

# Names of secrets, then all other bindings; both sorted.
Told = tuple[tuple[str, ...], tuple[str, ...]]


def of_version(version: Mapping[str, Any]) -> Told:
    """Of a Worker's version as Cloudflare shows it; a binding is ``TYPE NAME -> RESOURCE``."""
    bindings = version["resources"]["bindings"]
    return (
        _sorted(item["name"] for item in bindings if item["type"] in _SECRETS),
        _sorted(_binding(item) for item in bindings if item["type"] not in _SECRETS),
    )


def of_project(project: Mapping[str, Any]) -> Told:
    """The same of the configuration that a Pages project has for production."""
    config = project["deployment_configs"]["production"]
    variables = {name: value for name, value in (config.get("env_vars") or {}).items() if value}
    plain = [f"plain_text {name}" for name, value in variables.items() if value.get("type") not in _SECRETS]
    bindings = [
        _arrow(type_, name, (value or {}).get(field))
        for kind, (type_, field) in _PAGES_KINDS.items()
        for name, value in (config.get(kind) or {}).items()
    ]
    return (
        _sorted(name for name, value in variables.items() if value.get("type") in _SECRETS),
        _sorted([*bindings, *plain]),
    )


def _binding(item: Mapping[str, Any]) -> str:
    values = [item.get(field) for field in _POINTS_TO.get(item["type"], ())]
    return _arrow(item["type"], item["name"], *values)


def _arrow(type_: str, name: str, *values: Any) -> str:
    resource = " ".join(dict.fromkeys(str(value) for value in values if value))
    return f"{type_} {name} -> {resource}" if resource else f"{type_} {name}"


def _sorted(items: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(items))
