"""The D1 part of the API, assembled: databases, queries, Time Travel.

Codes: 7400 malformed, 7404 no such database, 7500 what SQL or the database refuses, 7502 name taken. HTTP
status 400 with 7500 is an assumption. Refusals of Time Travel have the own code 7990: the real one is not
known.
"""

import itertools
import math
import re
import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from local_cloudflare.d1.databases import SCHEMA as SCHEMA
from local_cloudflare.d1.databases import Databases
from local_cloudflare.d1.engine import Engine, Restored, Result, Statement
from local_cloudflare.d1.history import HistoryError
from local_cloudflare.d1.rules import SqlError
from local_cloudflare.d1.sql import statements
from local_cloudflare.envelope import ACCOUNT, ApiError, answer, body_object, ok, page
from local_cloudflare.ids import now, uuid_id

DATABASES = ACCOUNT + "/d1/database"
ONE = DATABASES + "/{database}"
OWN_CODE = 7990

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_MODES = ("auto", "disabled")


def routes(databases: Databases) -> list[Route]:
    """Endpoints below /client/v4, but for export and import (transfer.py)."""
    store = databases.store

    async def list_databases(request: Request) -> Response:
        wanted = request.query_params.get("name", "")
        rows = store.db.execute("SELECT * FROM d1_databases ORDER BY created_at DESC").fetchall()
        return ok(*page(request, [_short(row) for row in rows if wanted in row["name"]]))

    async def create(request: Request) -> Response:
        body = await body_object(request)
        name = body.get("name")
        if not isinstance(name, str) or _NAME.fullmatch(name) is None:
            raise malformed("name must be 1 to 64 letters, digits, hyphens or underscores")
        row = (uuid_id(), name, now(), _mode(body, "disabled"))
        try:
            with store.transaction() as db:
                db.execute("INSERT INTO d1_databases VALUES (?, ?, ?, ?)", row)
        except sqlite3.IntegrityError:
            raise ApiError(400, 7502, "A database with that name already exists") from None
        return ok({**await _whole(databases, row[0]), "created_in_region": "WEUR"})

    async def get(request: Request) -> Response:
        row = databases.row(request.path_params["database"])
        whole = await _whole(databases, row["uuid"])
        # The SDK writes a list as repeated fields[], wrangler separates with commas.
        chosen = [*request.query_params.getlist("fields"), *request.query_params.getlist("fields[]")]
        fields = {field for text in chosen for field in text.split(",")}
        return ok({key: value for key, value in whole.items() if not fields or key in fields})

    async def edit(request: Request) -> Response:
        row = databases.row(request.path_params["database"])
        mode = _mode(await body_object(request), row["replication"])
        with store.transaction() as db:
            db.execute("UPDATE d1_databases SET replication = ? WHERE uuid = ?", (mode, row["uuid"]))
        return ok(await _whole(databases, row["uuid"]))

    async def delete(request: Request) -> Response:
        await databases.delete(databases.row(request.path_params["database"])["uuid"])
        return ok(None)

    async def query(request: Request) -> Response:
        return ok([_objects(result) for results in await _run(databases, request) for result in results])

    async def raw(request: Request) -> Response:
        return ok([_arrays(result) for results in await _run(databases, request) for result in results])

    async def bookmark(request: Request) -> Response:
        database = databases.open(request.path_params["database"])
        text = request.query_params.get("timestamp")
        seconds = None if text is None else _seconds(text)

        def find(engine: Engine) -> str:
            return (engine.moment if seconds is None else engine.at(seconds)).bookmark

        try:
            return ok({"bookmark": await database.work(find)})
        except HistoryError as error:
            raise own(error) from None

    async def restore(request: Request) -> Response:
        database = databases.open(request.path_params["database"])
        wanted, text = request.query_params.get("bookmark"), request.query_params.get("timestamp")
        if (wanted is None) is (text is None):
            raise malformed("give either bookmark or timestamp")
        seconds = 0.0 if text is None else _seconds(text)

        def go(engine: Engine) -> Restored:
            return engine.restore(lambda past: past.at(seconds) if wanted is None else past.find(wanted))

        if database.busy is not None:
            raise refused(SqlError(database.busy))
        database.cancel("The query was cancelled, because the database is being restored by Time Travel.")
        try:
            restored = await database.work(go)
        except HistoryError as error:
            raise own(error) from None
        except SqlError as error:
            raise refused(error) from None
        return ok(
            {
                "bookmark": restored.after.bookmark,
                "previous_bookmark": restored.before.bookmark,
                "message": f"Database restored; to undo, restore to bookmark {restored.before.bookmark}.",
            }
        )

    return [
        Route(DATABASES, list_databases),
        Route(DATABASES, create, methods=["POST"]),
        Route(ONE, get),
        Route(ONE, edit, methods=["PATCH", "PUT"]),
        Route(ONE, delete, methods=["DELETE"]),
        Route(ONE + "/query", query, methods=["POST"]),
        Route(ONE + "/raw", raw, methods=["POST"]),
        Route(ONE + "/time_travel/bookmark", bookmark),
        Route(ONE + "/time_travel/restore", restore, methods=["POST"]),
    ]


def internal_routes(databases: Databases) -> list[Route]:
    """The endpoint of the admin server that only the edge calls, for the bindings.

    Takes {"batch": [{"sql", "params"}]}; answers {"results": [{columns, rows, meta}]}, the last of each
    query, or {"error": text}.
    """

    async def query(request: Request) -> Response:
        try:
            results = [query[-1] for query in await _run(databases, request)]
        except ApiError as error:
            return answer({"error": str(error)})
        return answer({"results": [{**_arrays(r)["results"], "meta": r.meta} for r in results]})

    return [Route("/internal/d1/{database}/query", query, methods=["POST"])]


def malformed(what: str) -> ApiError:
    """A body or a query that D1 cannot read."""
    return ApiError(400, 7400, f"The request is malformed: {what}")


def refused(error: SqlError) -> ApiError:
    """What SQL, or the state of the database, refuses."""
    return ApiError(400, 7500, str(error))


def own(error: HistoryError) -> ApiError:
    """A refusal of Time Travel."""
    return ApiError(400, OWN_CODE, f"{error} (own code of local_cloudflare; the real one is not known)")


async def _run(databases: Databases, request: Request) -> list[list[Result]]:
    """Runs all queries of the body in one transaction; the results of the statements of each."""
    database = databases.open(request.path_params["database"])
    queries = _queries(await body_object(request))
    batch = list(itertools.chain(*queries))
    try:
        results = await database.query(lambda engine: engine.run(batch))
    except SqlError as error:
        raise refused(error) from None
    database.count(results)
    left = iter(results)
    return [list(itertools.islice(left, len(query))) for query in queries]


def _queries(body: Mapping[str, Any]) -> list[list[Statement]]:
    """The statements of each query of {sql, params} or {batch: [{sql, params}]}."""
    queries = body.get("batch", [body])
    if not isinstance(queries, list) or not all(isinstance(query, dict) for query in queries):
        raise malformed("batch must be an array of objects")
    found: list[list[Statement]] = []
    for query in queries:
        sql, params = query.get("sql"), query.get("params") or []
        if not isinstance(sql, str):
            raise malformed("sql must be a text")
        if not isinstance(params, list):
            raise malformed("params must be an array")
        texts = list(statements(sql))
        if not texts:
            raise refused(SqlError("No SQL statements detected."))
        if params and len(texts) > 1:
            raise refused(SqlError("A prepared SQL statement must contain only one statement."))
        found.append([Statement(text, [_value(param) for param in params]) for text in texts])
    return found


def _value(param: Any) -> Any:
    """A parameter as SQLite takes it: an array of bytes is a blob."""
    if isinstance(param, list):
        try:
            return bytes(param)
        except (TypeError, ValueError):
            raise malformed("an array among params must consist of bytes") from None
    if isinstance(param, dict):
        raise malformed("params are texts, numbers, booleans, null or arrays of bytes")
    return param


def _cell(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, bytes):
        return list(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _objects(result: Result) -> dict[str, Any]:
    rows = [dict(zip(result.columns, map(_cell, row), strict=True)) for row in result.rows]
    return {"results": rows, "success": True, "meta": result.meta}


def _arrays(result: Result) -> dict[str, Any]:
    rows = [[_cell(value) for value in row] for row in result.rows]
    return {"results": {"columns": result.columns, "rows": rows}, "success": True, "meta": result.meta}


def _mode(body: Mapping[str, Any], default: str) -> str:
    replication = body.get("read_replication", {"mode": default})
    mode = replication.get("mode") if isinstance(replication, dict) else None
    if mode not in _MODES:
        raise malformed(f"read_replication.mode must be one of {', '.join(_MODES)}")
    return str(mode)


def _seconds(text: str) -> float:
    """Seconds since 1970 of an ISO 8601 time; without a zone it is UTC."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise malformed("timestamp must be an ISO 8601 time") from None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


def _short(row: Any) -> dict[str, Any]:
    return {
        "uuid": row["uuid"],
        "name": row["name"],
        "version": "production",
        "created_at": row["created_at"],
        "jurisdiction": None,
    }


async def _whole(databases: Databases, uuid: str) -> dict[str, Any]:
    row, database = databases.row(uuid), databases.open(uuid)
    tables, size = await database.size()
    return {
        **_short(row),
        "num_tables": tables,
        "file_size": size,
        "running_in_region": "WEUR",
        "read_replication": {"mode": row["replication"]},
    }
