"""The types of what clients send about Workers, checked before it is used. Every refusal has code 10021."""

from collections.abc import Mapping
from typing import Any

from local_cloudflare.envelope import ApiError


def _strings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def _is(kind: type) -> Any:
    return lambda value: isinstance(value, kind)


_FIELDS = {
    "main_module": (_is(str), "a string"),
    "bindings": (_objects, "an array of objects"),
    "keep_bindings": (_strings, "an array of strings"),
    "annotations": (_is(dict), "an object"),
    "compatibility_date": (_is(str), "a string"),
    "compatibility_flags": (_strings, "an array of strings"),
    "usage_model": (_is(str), "a string"),
    "limits": (_is(dict), "an object"),
    "placement": (_is(dict), "an object"),
    "migrations": (_is(dict), "an object"),
    "logpush": (_is(bool), "true or false"),
    "observability": (_is(dict), "an object"),
    "tags": (_strings, "an array of strings"),
    "tail_consumers": (_objects, "an array of objects"),
    "origins": (_objects, "an array of objects"),
    "env": (_is(dict), "an object"),
    "secrets": (_is(dict), "an object"),
    "steps": (_objects, "an array of objects"),
    "new_tag": (_is(str), "a string"),
    "old_tag": (_is(str), "a string"),
    "new_classes": (_strings, "an array of strings"),
    "new_sqlite_classes": (_strings, "an array of strings"),
    "deleted_classes": (_strings, "an array of strings"),
    "renamed_classes": (_objects, "an array of objects"),
    "from": (_is(str), "a string"),
    "to": (_is(str), "a string"),
}


def check(values: Mapping[str, Any]) -> None:
    """Refuses a known field of the wrong type; null and unknown fields pass."""
    for name, (fits, what) in _FIELDS.items():
        if values.get(name) is not None and not fits(values[name]):
            raise ApiError(400, 10021, f"{name} must be {what}.")


def check_binding(binding: Any) -> None:
    """Refuses what is no binding: it needs a name and a type, and a secret text its text."""
    if not isinstance(binding, dict):
        raise ApiError(400, 10021, "A binding must be an object.")
    for key in ("name", "type"):
        if not isinstance(binding.get(key), str) or not binding[key]:
            raise ApiError(400, 10021, f"Every binding needs a {key}.")


def check_secret(binding: Any) -> None:
    """Refuses what is no secret of type secret_text or secret_key with its value."""
    check_binding(binding)
    if binding["type"] == "secret_text" and isinstance(binding.get("text"), str):
        return
    if binding["type"] == "secret_key" and binding.get("format"):
        return
    raise ApiError(400, 10021, "A secret needs the type secret_text and a text, or secret_key and a format.")
