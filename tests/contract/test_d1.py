"""D1: the API through REST, the real SDK and the real wrangler, Time Travel, and the binding at the edge."""

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from cloudflare import Cloudflare

from local_cloudflare.launch import Instance, start
from tests.support import edge
from tests.support.api import Api
from tests.support.workers import new_name, publish, upload, url
from tests.support.wrangler import VERSIONS, Wrangler, command

FOREVER = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"


class Database:
    """A database of its own, over REST."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.name = new_name("database")
        self.uuid = api("POST", "A/d1/database", {"name": self.name})["uuid"]
        self.path = f"A/d1/database/{self.uuid}"

    def __call__(self, sql: str, *params: Any) -> list[dict[str, Any]]:
        """The rows of the last statement."""
        results = self.api("POST", f"{self.path}/query", {"sql": sql, "params": list(params)})
        rows: list[dict[str, Any]] = results[-1]["results"]
        return rows

    def refused(self, sql: str, *params: Any) -> str:
        """The message of a refusal with code 7500."""
        answer = self.api.raw("POST", f"{self.path}/query", json={"sql": sql, "params": list(params)})
        error = answer.json()["errors"][0]
        assert (answer.status_code, error["code"]) == (400, 7500)
        return str(error["message"])

    def bookmark(self, query: str = "") -> str:
        return str(self.api("GET", f"{self.path}/time_travel/bookmark{query}")["bookmark"])

    def restore(self, query: str) -> dict[str, str]:
        answer: dict[str, str] = self.api("POST", f"{self.path}/time_travel/restore?{query}")
        return answer


@pytest.fixture
def api(shared_api: Api) -> Api:
    return shared_api


@pytest.fixture
def database(api: Api) -> Database:
    return Database(api)


def moment() -> str:
    """The present time as JavaScript writes it, with a little time before and after it."""
    time.sleep(0.005)
    text = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    time.sleep(0.005)
    return text


# --- databases and queries


def test_databases(api: Api, database: Database) -> None:
    whole = api("GET", database.path)
    assert (whole["uuid"], whole["name"], whole["version"]) == (database.uuid, database.name, "production")
    assert whole["num_tables"] == 0 and whole["file_size"] > 0
    by_name = f"A/d1/database/{database.name}?fields=uuid,name"
    assert api("GET", by_name) == {"uuid": database.uuid, "name": database.name}
    listed = api.raw("GET", f"A/d1/database?name={database.name}&per_page=1").json()
    assert [found["uuid"] for found in listed["result"]] == [database.uuid]
    assert listed["result_info"]["total_count"] == 1

    taken = api.raw("POST", "A/d1/database", json={"name": database.name})
    assert taken.json()["errors"][0]["code"] == 7502
    wrong = api.raw("POST", "A/d1/database", json={"name": "no spaces"})
    assert wrong.json()["errors"][0]["code"] == 7400
    database("CREATE TABLE t (id INTEGER PRIMARY KEY)")
    assert api("GET", database.path)["num_tables"] == 1
    api("DELETE", database.path)
    gone = api.raw("POST", f"{database.path}/query", json={"sql": "SELECT 1"})
    assert (gone.status_code, gone.json()["errors"][0]["code"]) == (404, 7404)


def test_queries(api: Api, database: Database) -> None:
    sql = "CREATE TABLE t (id INTEGER PRIMARY KEY, v); -- one; comment\nINSERT INTO t (v) VALUES ('a;b')"
    created, inserted = api("POST", f"{database.path}/query", {"sql": sql})
    assert created["success"] and created["meta"]["changed_db"] is True and created["results"] == []
    meta = inserted["meta"]
    assert (meta["changes"], meta["last_row_id"], meta["changed_db"]) == (1, 1, True)
    assert meta["duration"] >= 0 and meta["size_after"] == 8192 and meta["rows_written"] == 1
    assert meta["served_by"]

    database("INSERT INTO t VALUES (?1, ?2), (3, ?2)", 2, [0, 255])
    assert database("SELECT v FROM t ORDER BY id") == [{"v": "a;b"}, {"v": [0, 255]}, {"v": [0, 255]}]
    (raw,) = api(
        "POST", f"{database.path}/raw", {"sql": "SELECT id, id, 1.5, NULL FROM t WHERE id = ?", "params": [2]}
    )
    assert raw["results"] == {"columns": ["id", "id", "1.5", "NULL"], "rows": [[2, 2, 1.5, None]]}
    assert raw["meta"]["changed_db"] is False
    batch = [{"sql": "INSERT INTO t (v) VALUES (?)", "params": ["x"]}, {"sql": "SELECT count(*) n FROM t"}]
    assert api("POST", f"{database.path}/query", {"batch": batch})[1]["results"] == [{"n": 4}]


def test_a_failing_statement_undoes_the_others(database: Database) -> None:
    database("CREATE TABLE t (id INTEGER PRIMARY KEY); CREATE TABLE c (t REFERENCES t)")
    before = database.bookmark()
    message = database.refused("INSERT INTO t VALUES (1); INSERT INTO t VALUES (1)")
    assert message == "UNIQUE constraint failed: t.id: SQLITE_CONSTRAINT"
    assert "FOREIGN KEY" in database.refused("PRAGMA defer_foreign_keys = on; INSERT INTO c VALUES (7)")
    assert database("SELECT (SELECT count(*) FROM t) + (SELECT count(*) FROM c) AS n") == [{"n": 0}]
    assert database.bookmark() == before


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT * FROM nowhere", "no such table: nowhere: SQLITE_ERROR"),
        ("  -- nothing", "No SQL statements detected."),
        ("SELECT 1; COMMIT", "To execute a transaction, please use the state.storage.transaction()"),
        ("ATTACH 'x' AS x", "not authorized: SQLITE_AUTH"),
        ("PRAGMA journal_mode = DELETE", "not authorized: SQLITE_AUTH"),
        ("CREATE TEMP TABLE t (x)", "not authorized: SQLITE_AUTH"),
        ("SELECT ?", "Wrong number of parameter bindings for SQL query."),
        ("SELECT '" + "x" * 100_000 + "'", "statement too long: SQLITE_TOOBIG"),
        ("SELECT length(zeroblob(2000001))", "string or blob too big: SQLITE_TOOBIG"),
    ],
)
def test_refusals(database: Database, sql: str, message: str) -> None:
    assert database.refused(sql).startswith(message)


# --- Time Travel


def test_time_travel(database: Database) -> None:
    empty = database.bookmark()
    database("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t (v) VALUES ('one')")
    good, good_time = database.bookmark(), moment()
    assert database.bookmark() == good and good > empty
    assert [len(part) for part in good.split("-")] == [8, 8, 8, 32]
    database("INSERT INTO t (v) VALUES ('two'); ALTER TABLE t DROP COLUMN v; CREATE TABLE other (x)")
    bad = database.bookmark()
    assert database.bookmark(f"?timestamp={good_time}") == good

    undone = database.restore(f"bookmark={good}")
    assert undone["previous_bookmark"] == bad and undone["bookmark"] > bad and bad in undone["message"]
    assert database.bookmark() == undone["bookmark"]
    assert database("SELECT * FROM t") == [{"id": 1, "v": "one"}]
    assert "no such table" in database.refused("SELECT * FROM other")
    database("INSERT INTO t (v) VALUES ('three')")

    database.restore(f"bookmark={bad}")
    assert database("SELECT t.*, count(other.x) n FROM t, other") == [{"id": None, "n": 0}]
    again = database.restore(f"timestamp={good_time}")
    assert database("SELECT v FROM t") == [{"v": "one"}]
    database.restore(f"bookmark={empty}")
    assert "no such table" in database.refused("SELECT * FROM t")
    database.restore(f"bookmark={again['previous_bookmark']}")
    assert database("SELECT count(*) n FROM other") == [{"n": 0}]


def test_what_time_travel_refuses(api: Api, database: Database) -> None:
    def refusal(query: str) -> tuple[int, str]:
        error = api.raw("POST", f"{database.path}/time_travel/restore?{query}").json()["errors"][0]
        return error["code"], error["message"]

    assert refusal("")[0] == refusal("timestamp=yesterday")[0] == 7400
    assert refusal("bookmark=nonsense")[0] == 7990
    assert "No such bookmark" in refusal(f"bookmark={Database(api).bookmark()}")[1]
    assert (
        "did not exist"
        in refusal("timestamp=" + datetime.fromtimestamp(time.time() - 86_400, UTC).isoformat()[:19])[1]
    )
    assert "30 days" in refusal("timestamp=2020-01-01T00:00:00Z")[1]
    for _ in range(10):
        database.restore(f"bookmark={database.bookmark()}")
    assert "10 per 10 minutes" in refusal(f"bookmark={database.bookmark()}")[1]


def test_a_restore_cancels_what_runs(database: Database) -> None:
    database("CREATE TABLE t (x)")
    messages: list[str] = []
    others = [threading.Thread(target=lambda: messages.append(database.refused(FOREVER))) for _ in range(2)]
    for other in others:
        other.start()
    time.sleep(0.3)
    started = time.monotonic()
    database.restore(f"timestamp={moment()}")
    assert time.monotonic() - started < 2
    for other in others:
        other.join(5)
    assert len(messages) == 2 and all("being restored" in message for message in messages)
    assert database("SELECT count(*) n FROM t") == [{"n": 0}]


# --- export and import


def test_export(api: Api, database: Database) -> None:
    database(
        "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, v, doubled AS (id * 2));"
        "CREATE INDEX i ON t (v); CREATE TABLE u (x)"
    )
    database("INSERT INTO t (v) VALUES (?), (?), (?), (?)", 'it\'s\na "text"', [1, 255], 0.1, None)
    path = f"{database.path}/export"
    started = api("POST", path, {"output_format": "polling"})
    assert (started["status"], started["type"], started["success"]) == ("active", "export", True)
    assert started["at_bookmark"] == database.bookmark()
    assert "Currently processing a long-running export." in database.refused("SELECT 1")
    second = api.raw("POST", path, json={"output_format": "polling"}).json()["errors"][0]["message"]
    assert "Cannot start a new export" in second
    poll = {"output_format": "polling", "current_bookmark": started["at_bookmark"]}
    done = api("POST", path, poll)
    assert (done["status"], done["at_bookmark"]) == ("complete", started["at_bookmark"])
    dump = requests.get(done["result"]["signed_url"], timeout=10).text
    assert done["result"]["filename"].endswith(".sql")
    assert dump.startswith("PRAGMA defer_foreign_keys=TRUE;\nCREATE TABLE t (")
    assert """INSERT INTO "t" ("id","v") VALUES(1,'it''s\na "text"');""" in dump

    copy = Database(api)
    copy(dump)
    sql = "SELECT t.*, s.seq FROM t, sqlite_sequence s ORDER BY id"
    assert copy(sql) == database(sql)
    for options, present, absent in (
        ({"no_data": True}, "CREATE INDEX i", "INSERT"),
        ({"no_schema": True, "tables": ["t"]}, "INSERT", "CREATE"),
        ({"tables": ["u"]}, "CREATE TABLE u", "TABLE t"),
    ):
        started = api("POST", path, {"output_format": "polling", "dump_options": options})
        done = api("POST", path, poll | {"current_bookmark": started["at_bookmark"]})
        dump = requests.get(done["result"]["signed_url"], timeout=10).text
        assert present in dump and absent not in dump
    assert requests.get(done["result"]["signed_url"] + "x", timeout=10).status_code == 403


def test_an_export_that_nobody_polls_cancels_itself(api: Api, database: Database) -> None:
    started = api("POST", f"{database.path}/export", {"output_format": "polling"})
    assert "long-running export" in database.refused("SELECT 1")
    time.sleep(5.2)
    assert database("SELECT 1 AS one") == [{"one": 1}]
    poll = {"output_format": "polling", "current_bookmark": started["at_bookmark"]}
    over = api("POST", f"{database.path}/export", poll)
    assert (over["success"], over["status"]) == (False, "error")
    assert over["error"] == "Cancelled due to no poll() received"


def test_import(api: Api, database: Database) -> None:
    path = f"{database.path}/import"

    def do(script: str) -> dict[str, Any]:
        etag = hashlib.md5(script.encode(), usedforsecurity=False).hexdigest()
        begun = api("POST", path, {"action": "init", "etag": etag})
        put = requests.put(begun["upload_url"], data=script.encode(), timeout=10)
        assert put.headers["etag"] == f'"{etag}"'
        answer = api("POST", path, {"action": "ingest", "etag": etag, "filename": begun["filename"]})
        while answer.get("status") == "active":
            answer = api("POST", path, {"action": "poll", "current_bookmark": answer["at_bookmark"]})
        return dict(answer)

    script = "CREATE TABLE t (x);\n" + "INSERT INTO t VALUES (1);\n" * 500
    done = do(script)
    assert (done["status"], done["result"]["num_queries"]) == ("complete", 501)
    assert done["result"]["final_bookmark"] == database.bookmark()
    assert done["result"]["meta"]["rows_written"] == 500
    failed = do("INSERT INTO t VALUES (2);\nINSERT INTO nowhere VALUES (1);")
    assert (failed["success"], failed["error"]) == (False, "no such table: nowhere: SQLITE_ERROR")
    assert database("SELECT count(*) n FROM t") == [{"n": 500}]
    assert (
        "Not currently importing" in api("POST", path, {"action": "poll", "current_bookmark": "x"})["error"]
    )


# --- SDK and wrangler


def test_the_sdk(shared: Instance) -> None:
    name = new_name("database")
    with Cloudflare(
        api_token=shared.api_token, base_url=shared.api_url, max_retries=0, _strict_response_validation=True
    ) as sdk:
        account = {"account_id": shared.account_id}
        d1 = sdk.d1.database
        uuid = d1.create(name=name, **account).uuid
        assert uuid is not None
        assert [found.uuid for found in d1.list(name=name, **account)] == [uuid]
        assert d1.get(uuid, fields=["uuid", "name"], **account).name == name
        (created,) = d1.query(uuid, sql="CREATE TABLE t (x)", **account)
        assert created.meta is not None and created.meta.changed_db is True
        good = d1.time_travel.get_bookmark(uuid, **account).bookmark
        (inserted,) = d1.query(uuid, sql="INSERT INTO t VALUES (?)", params=["1"], **account)
        assert inserted.meta is not None and inserted.meta.changes == 1
        (raw,) = d1.raw(uuid, sql="SELECT x FROM t", **account)
        assert raw.results is not None and raw.results.rows == [["1"]]
        assert good is not None
        restored = d1.time_travel.restore(uuid, bookmark=good, **account)
        assert restored.previous_bookmark is not None
        assert restored.bookmark is not None and restored.bookmark > restored.previous_bookmark
        then = datetime.now(UTC)
        assert d1.time_travel.get_bookmark(uuid, timestamp=then, **account).bookmark == restored.bookmark
        begun = d1.import_(uuid, action="init", etag="0" * 32, **account)
        assert begun is not None and begun.upload_url is not None
        d1.delete(uuid, **account)
        assert list(d1.list(name=name, **account)) == []
    # `active` is not among the states that the SDK's model of an export knows.
    with Cloudflare(api_token=shared.api_token, base_url=shared.api_url, max_retries=0) as lenient:
        uuid = lenient.d1.database.create(name=new_name("database"), **account).uuid
        assert uuid is not None
        started = lenient.d1.database.export(uuid, output_format="polling", **account)
        assert started is not None and str(started.status) == "active"


@pytest.fixture(params=VERSIONS)
def wrangler(request: pytest.FixtureRequest, shared: Instance, tmp_path: Path) -> Wrangler:
    command(request.param)
    return Wrangler(request.param, shared, tmp_path)


def test_wrangler(wrangler: Wrangler, api: Api) -> None:
    name = new_name("wrangled")
    wrangler("d1", "create", name)
    uuid = api("GET", f"A/d1/database/{name}")["uuid"]
    if wrangler.current:  # the same calls in both
        assert name in [found["name"] for found in wrangler.json("d1", "list")]

    folder = wrangler.home / "worker"
    (folder / "migrations").mkdir(parents=True)
    binding = {"binding": "DB", "database_name": name, "database_id": uuid}
    (folder / "wrangler.json").write_text(json.dumps({"name": name, "d1_databases": [binding]}))
    (folder / "migrations" / "0001_start.sql").write_text(
        "CREATE TABLE items (id INTEGER PRIMARY KEY, title TEXT);"
    )
    config = ("--config", str(folder / "wrangler.json"))
    remote = ("--remote", *config)
    assert "0001_start.sql" in wrangler("d1", "migrations", "list", name, *remote)
    wrangler("d1", "migrations", "apply", name, *remote)
    assert "No migrations to apply" in wrangler("d1", "migrations", "list", name, *remote)
    (applied,) = api("POST", f"A/d1/database/{uuid}/query", {"sql": "SELECT name FROM d1_migrations"})
    assert applied["results"] == [{"name": "0001_start.sql"}]

    insert = "INSERT INTO items (title) VALUES ('one') RETURNING *"
    (result,) = wrangler.json("d1", "execute", name, "--command", insert, *remote)
    assert result["results"] == [{"id": 1, "title": "one"}]
    at = moment()
    info = wrangler.json("d1", "time-travel", "info", name, *config)
    script = wrangler.home / "more.sql"
    script.write_text("INSERT INTO items (title) VALUES ('two');\nDROP TABLE d1_migrations;\n")
    # With --file the progress stands on stdout too, before the JSON.
    printed = wrangler("d1", "execute", name, "--file", str(script), "-y", "--json", *remote)
    (result,) = json.loads(printed[printed.index("\n[\n") :])
    assert result["results"][0]["Total queries executed"] == 2
    assert result["finalBookmark"] > info["bookmark"]

    output = wrangler.home / "dump.sql"
    wrangler("d1", "export", name, "--output", str(output), *remote)
    assert 'INSERT INTO "items" ("id","title") VALUES(2,\'two\');' in output.read_text()
    metrics = wrangler.json("d1", "info", name, *config)
    assert metrics["uuid"] == uuid and metrics["write_queries_24h"] >= 1 and metrics["num_tables"] == 1

    back = wrangler.json("d1", "time-travel", "restore", name, "--bookmark", info["bookmark"], *config)
    assert back["previous_bookmark"] == result["finalBookmark"]
    assert "No migrations to apply" in wrangler("d1", "migrations", "list", name, *remote)
    forth = wrangler.json(
        "d1", "time-travel", "restore", name, "--bookmark", back["previous_bookmark"], *config
    )
    assert forth["previous_bookmark"] == back["bookmark"]
    again = wrangler.json("d1", "time-travel", "restore", name, "--timestamp", at, *config)
    assert again["previous_bookmark"] == forth["bookmark"]
    (rows,) = wrangler.json("d1", "execute", name, "--command", "SELECT title FROM items", *remote)
    assert rows["results"] == [{"title": "one"}]
    failed = wrangler.run("d1", "execute", name, "--command", "SELECT * FROM nowhere", *remote)
    assert failed.returncode == 1 and "no such table: nowhere: SQLITE_ERROR [code: 7500]" in failed.stderr


# --- the binding at the edge

WORKER = """
export default {
  async fetch(request, { DB }) {
    const { how, sql, params = [], argument } = await request.json();
    try {
      let value;
      const bound = (one, index) => DB.prepare(one).bind(...(params[index] ?? []));
      if (how === "batch") value = await DB.batch(sql.map(bound));
      else if (how === "exec") value = await DB.exec(sql);
      else if (how === "bytes") value = await DB.prepare(sql).bind(new Uint8Array([0, 255])).first("x");
      else value = await DB.withSession().prepare(sql).bind(...params)[how](argument);
      return Response.json({ value });
    } catch (error) {
      return Response.json({ error: error.message, cause: error.cause?.message });
    }
  },
};
"""


@pytest.fixture
def worker(shared: Instance, api: Api, database: Database) -> Iterator[Any]:
    """Calls the binding inside a Worker: {value} or {error, cause}."""
    script = new_name("d1")
    publish(api, script, WORKER, bindings=[{"type": "d1", "name": "DB", "id": database.uuid}])
    address = url(api, script)
    with edge.session(shared) as http:

        def call(how: str, sql: Any, params: Any = (), argument: Any = None) -> Any:
            body = {"how": how, "sql": sql, "params": params, "argument": argument}
            return http.post(
                address, json={k: v for k, v in body.items() if v is not None}, timeout=10
            ).json()

        yield call


def test_the_binding(worker: Any, database: Database) -> None:
    assert (
        worker("exec", "CREATE TABLE t (id INTEGER PRIMARY KEY, x);\nCREATE INDEX i ON t (x)")["value"][
            "count"
        ]
        == 2
    )
    ran = worker("run", "INSERT INTO t (x) VALUES (?)", ["one"])["value"]
    assert ran["success"] and ran["meta"]["last_row_id"] == 1 and ran["results"] == []
    assert database("SELECT * FROM t") == [{"id": 1, "x": "one"}]
    database("INSERT INTO t VALUES (2, 'two')")
    assert worker("all", "SELECT * FROM t WHERE id > ?1", [1])["value"]["results"] == [{"id": 2, "x": "two"}]
    assert worker("first", "SELECT * FROM t ORDER BY id")["value"] == {"id": 1, "x": "one"}
    assert worker("first", "SELECT * FROM t WHERE id = 2", (), "x")["value"] == "two"
    assert worker("first", "SELECT * FROM t WHERE id = 9")["value"] is None
    assert worker("raw", "SELECT * FROM t LIMIT 1", (), {"columnNames": True})["value"] == [
        ["id", "x"],
        [1, "one"],
    ]
    assert worker("bytes", "SELECT ? AS x")["value"] == [0, 255]
    assert worker("first", "SELECT ? AS t, ? AS n", [True, None])["value"] == {"t": 1, "n": None}

    both = worker("batch", ["INSERT INTO t (x) VALUES (?)", "SELECT count(*) n FROM t"], [["three"]])["value"]
    assert [result["results"] for result in both] == [[], [{"n": 3}]]
    failed = worker("batch", ["INSERT INTO t (x) VALUES ('lost')", "INSERT INTO t VALUES (1, 'taken')"])
    assert failed["error"] == "D1_ERROR: UNIQUE constraint failed: t.id: SQLITE_CONSTRAINT"
    assert failed["cause"] == "UNIQUE constraint failed: t.id: SQLITE_CONSTRAINT"
    assert database("SELECT count(*) n FROM t") == [{"n": 3}]
    assert worker("exec", "SELECT 1\nnonsense")["error"].startswith(
        "D1_EXEC_ERROR: Error in line 2: nonsense: near"
    )
    assert worker("first", "SELECT 1 AS x", (), "y")["error"] == "D1_COLUMN_NOTFOUND: Column not found (y)"
    assert worker("all", "SELECT ?", [{}])["error"].startswith("D1_TYPE_ERROR: Type 'object' not supported")

    database.restore(f"bookmark={database.bookmark()}")
    assert worker("first", "SELECT count(*) n FROM t", (), "n")["value"] == 3
    database.api("DELETE", database.path)
    assert "could not be found" in worker("first", "SELECT 1")["error"]


def test_a_binding_needs_its_database(api: Api) -> None:
    script = new_name("d1")
    publish(api, script, WORKER)
    missing = {"type": "d1", "name": "DB", "id": "00000000-0000-4000-8000-000000000000"}
    with pytest.raises(AssertionError, match=r"10021.*must have a database that already exists"):
        upload(api, script, WORKER, bindings=[missing])


# --- the state


def test_databases_outlive_a_kill_and_end_with_a_reset(tmp_path: Path) -> None:
    with start(tmp_path / "state") as instance:
        database = Database(Api(instance))
        database("CREATE TABLE t (x); INSERT INTO t VALUES (1)")
        good = database.bookmark()
        database("DELETE FROM t")
        bad = database.bookmark()
        instance.process.kill()
        instance.process.wait()
    with start(tmp_path / "state") as instance:
        database.api = Api(instance)
        assert database.bookmark() == bad
        database.restore(f"bookmark={good}")
        assert database("SELECT x FROM t") == [{"x": 1}]
        requests.post(instance.admin_url + "/reset", timeout=10).raise_for_status()
        assert database.api("GET", "A/d1/database") == []
        assert not (tmp_path / "state" / "d1").exists()
