"""The dataset `workersInvocationsAdaptive`: how often versions of Workers were called, and how that ended.

Fields after Cloudflare's page "Querying Workers Metrics with GraphQL" and its schema. What this machine does not
measure (CPU time, subrequests, colos) is known and null: no number is made up.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from local_cloudflare.analytics.graphql import Field, GraphqlError
from local_cloudflare.store import Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS invocations (
    second INTEGER NOT NULL, script TEXT NOT NULL, version TEXT NOT NULL, status TEXT NOT NULL,
    requests INTEGER NOT NULL, PRIMARY KEY (second, script, version, status)
) WITHOUT ROWID;
"""

LIMIT = 10_000
OLDEST_SECONDS = 7_776_000  # three months

Row = Mapping[str, Any]


def _time(seconds: int) -> Callable[[Row], str]:
    return lambda row: _iso(row["second"] // seconds * seconds)


_DIMENSIONS: dict[str, Callable[[Row], Any]] = {
    "datetime": _time(1),
    "datetimeMinute": _time(60),
    "datetimeFiveMinutes": _time(300),
    "datetimeFifteenMinutes": _time(900),
    "datetimeHour": _time(3600),
    "date": lambda row: _iso(row["second"])[:10],
    "scriptName": lambda row: row["script"],
    "scriptVersion": lambda row: row["version"],
    "status": lambda row: row["status"],
    **{
        name: lambda _: None
        for name in ("cacheStatus", "coloCode", "environmentName", "scriptTag", "usageModel")
    },
}
_SUMS: dict[str, Callable[[list[Row]], int | None]] = {
    "requests": lambda rows: sum(row["requests"] for row in rows),
    "errors": lambda rows: sum(row["requests"] for row in rows if row["status"] != "success"),
    **{name: lambda _: None for name in ("subrequests", "responseBodySize", "wallTime", "duration")},
}
_QUANTILES: dict[str, Callable[[list[Row]], int | None]] = {
    f"{what}P{percent}": lambda _: None
    for what in ("cpuTime", "wallTime", "duration", "requestDuration", "responseBodySize")
    for percent in (25, 50, 75, 90, 95, 99, 999)
}
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "_geq": lambda value, wanted: bool(value >= wanted),
    "_leq": lambda value, wanted: bool(value <= wanted),
    "_gt": lambda value, wanted: bool(value > wanted),
    "_lt": lambda value, wanted: bool(value < wanted),
    "_neq": lambda value, wanted: bool(value != wanted),
    "_notin": lambda value, wanted: value not in wanted,
    "_in": lambda value, wanted: value in wanted,
    "": lambda value, wanted: bool(value == wanted),
}


def keep(store: Store, counts: Iterable[Iterable[Any]]) -> None:
    """Adds what the edge counted."""
    with store.transaction() as db:
        db.executemany(
            "INSERT INTO invocations VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT DO UPDATE SET requests = requests + excluded.requests",
            [tuple(count) for count in counts],
        )


def answer(store: Store, asked: Field, path: tuple[str, ...]) -> list[dict[str, Any]]:
    """The groups that the field asks for: one for each set of the dimensions that it selects. Raises GraphqlError."""
    limit = asked.arguments.get("limit")
    if not isinstance(limit, int) or not 0 < limit <= LIMIT:
        raise GraphqlError(f"limit must be positive number and not greater than {LIMIT}", path=path)
    wanted = asked.arguments.get("filter") or {}
    since = _since(wanted, path)
    selected = {item.name: item for item in asked.selections}
    dimensions = list(selected["dimensions"].selections) if "dimensions" in selected else []
    for item in dimensions:
        _known(_DIMENSIONS, item, (*path, "dimensions"))
    query = "SELECT * FROM invocations WHERE second >= ? ORDER BY second DESC"
    rows = store.db.execute(query, (since,)).fetchall()
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        if _matches(row, wanted, path):
            values = tuple(_DIMENSIONS[item.name](row) for item in dimensions)
            groups.setdefault(values, []).append(row)
    found = [
        {item.key: _part(item, group, values, path) for item in asked.selections}
        for values, group in _ordered(groups, dimensions, asked.arguments.get("orderBy"), path)
    ]
    return found[:limit]


def _ordered(
    groups: Mapping[tuple[Any, ...], list[Row]], dimensions: list[Field], order: Any, path: tuple[str, ...]
) -> list[tuple[tuple[Any, ...], list[Row]]]:
    items = list(groups.items())
    names = [item.name for item in dimensions]
    for rule in reversed(order if isinstance(order, list) else [order] if order else []):
        name, _, way = str(rule).rpartition("_")
        if way not in ("ASC", "DESC"):
            raise GraphqlError(f"error parsing args: unknown order {rule}", path=path)
        if name.startswith("sum_") and name[4:] in ("requests", "errors"):
            items.sort(key=lambda item: _SUMS[name[4:]](item[1]) or 0, reverse=way == "DESC")
        elif name in names:
            items.sort(key=lambda item: str(item[0][names.index(name)]), reverse=way == "DESC")
        else:
            raise GraphqlError(f"error parsing args: unknown order {rule}", path=path)
    return items


def _part(item: Field, group: list[Row], values: tuple[Any, ...], path: tuple[str, ...]) -> Any:
    if item.name == "__typename":
        return "AccountWorkersInvocationsAdaptive"
    if item.name in ("sum", "quantiles", "dimensions") and not item.selections:
        raise GraphqlError("object field must have selections", path=(*path, item.name))
    if item.name == "dimensions":
        return {field.key: value for field, value in zip(item.selections, values, strict=True)}
    if item.name in ("sum", "quantiles"):
        known = _SUMS if item.name == "sum" else _QUANTILES
        return {field.key: _known(known, field, (*path, item.name))(group) for field in item.selections}
    raise GraphqlError(f'unknown field "{item.name}"', path=path)


def _known(known: Mapping[str, Any], item: Field, path: tuple[str, ...]) -> Any:
    if item.selections:
        raise GraphqlError("scalar fields must have no selections", path=(*path, item.name))
    if item.name not in known:
        raise GraphqlError(f'unknown field "{item.name}"', path=path)
    return known[item.name]


def _matches(row: Row, wanted: Mapping[str, Any], path: tuple[str, ...]) -> bool:
    return all(_holds(row, key, value, path) for key, value in wanted.items())


def _holds(row: Row, key: str, value: Any, path: tuple[str, ...]) -> bool:
    if key in ("AND", "OR"):
        each = [_matches(row, item, path) for item in value]
        return all(each) if key == "AND" else any(each)
    suffix = next(end for end in _COMPARE if key.endswith(end))
    name = key.removesuffix(suffix) if suffix else key
    if name not in _DIMENSIONS:
        raise GraphqlError(f'unknown arg "{key}"', path=path)
    compare = _COMPARE[suffix]
    if name.startswith("datetime"):
        return compare(row["second"], _seconds(value, path))
    if value is None:
        raise GraphqlError(f"error parsing args: {key} has no value", path=path)
    return compare(_DIMENSIONS[name](row), value)


def _since(wanted: Mapping[str, Any], path: tuple[str, ...]) -> float:
    oldest = datetime.now(UTC).timestamp() - OLDEST_SECONDS
    since = wanted.get("datetime_geq", wanted.get("datetime_gt"))
    if since is None:
        return oldest
    if _seconds(since, path) < oldest:
        raise GraphqlError(f"cannot request data older than {OLDEST_SECONDS}s", path=path)
    return _seconds(since, path)


def _seconds(value: Any, path: tuple[str, ...]) -> float:
    try:
        return datetime.fromisoformat(str(value)).timestamp()
    except ValueError:
        raise GraphqlError(f"error parsing args: {value!r} is not a time", path=path) from None


def _iso(second: int) -> str:
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%SZ}"
