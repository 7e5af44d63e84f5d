"""Services that answer with a number: Prometheus, Loki, Sentry, and whatever answers with JSON.

https://prometheus.io/docs/prometheus/latest/querying/api/ (instant queries; Loki answers in the same form:
https://grafana.com/docs/loki/latest/reference/loki-http-api/)
https://docs.sentry.io/api/discover/query-discover-events-in-table-format/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import jmespath

from .http import ask
from .model import Declared, Unread, Window, filled

__all__ = ["NUMBERS"]


def _prometheus(declared: Declared, window: Window, names: Mapping[str, str], path: str) -> dict[str, float]:
    params = {"query": filled(declared["query"], names), "time": f"{window.end.timestamp():.3f}"}
    url = declared["url"].rstrip("/") + path
    told = ask("GET", url, token=declared["token"], headers=declared["headers"], params=params, said="error")
    try:
        if told["status"] != "success":
            raise Unread(str(told.get("error") or "it refused the query"))
        kind, result = told["data"]["resultType"], told["data"]["result"]
        if kind == "scalar":
            return {"": float(result[1])}
        if kind == "vector":
            return {_label(item["metric"]): float(item["value"][1]) for item in result}
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        raise Unread("an answer that is none of this service") from None
    raise Unread(f"the query gives a {kind}, and a number, or one for each series, is needed")


def _label(metric: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(metric.items()) if name != "__name__")


def prometheus(declared: Declared, window: Window, names: Mapping[str, str]) -> dict[str, float]:
    """An instant query; a number for each series."""
    return _prometheus(declared, window, names, "/api/v1/query")


def loki(declared: Declared, window: Window, names: Mapping[str, str]) -> dict[str, float]:
    """A metric query over logs (``count_over_time``); a number for each stream."""
    return _prometheus(declared, window, names, "/loki/api/v1/query")


def sentry(declared: Declared, window: Window, names: Mapping[str, str]) -> dict[str, float]:
    """How many errors Sentry has of the window, by the tag ``by`` (release, say) where one is declared."""
    by = declared["by"]
    params: list[tuple[str, str]] = [
        ("field", "count()"),
        ("dataset", "errors"),
        ("start", names["from"]),
        ("end", names["to"]),
        *[("field", by)] * bool(by),
        *[("query", filled(declared["query"], names))] * bool(declared["query"]),
        *[("project", str(project)) for project in declared["project"]],
        *[("environment", declared["environment"])] * bool(declared["environment"]),
    ]
    url = f"{declared['url'].rstrip('/')}/api/0/organizations/{declared['organization']}/events/"
    told = ask("GET", url, token=declared["token"], params=params, said="detail")
    try:
        counts = {f"{by}={row[by]}" if by else "": float(row["count()"]) for row in told["data"]}
    except (KeyError, TypeError, ValueError):
        raise Unread("an answer that is none of Sentry's") from None
    # Counted by release, no row means that none was counted.
    return counts or ({"": 0.0} if by else {})


def json(declared: Declared, window: Window, names: Mapping[str, str]) -> dict[str, float]:
    """The number that the JMESPath expression ``value`` finds in the answer to a GET."""
    url = filled(declared["url"], names)
    told = ask("GET", url, token=declared["token"], headers=declared["headers"], said="message")
    found = jmespath.search(declared["value"], told)
    if found is None:
        return {}
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise Unread(f"{declared['value']} finds {str(found)[:40]!r}, which is no number")
    return {"": float(found)}


NUMBERS: dict[str, Callable[[Declared, Window, Mapping[str, str]], dict[str, float]]] = {
    "prometheus": prometheus,
    "loki": loki,
    "sentry": sentry,
    "json": json,
}
"""Per kind of source the numbers that it gives, by what tells them apart. Raise :class:`Unread`."""
