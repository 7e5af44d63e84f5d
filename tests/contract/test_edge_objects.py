"""Durable Objects at the edge: storage, ids, WebSockets, when new code takes over; and the processes."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from websockets.exceptions import ConnectionClosed

from local_cloudflare.launch import Instance, start
from tests.support import edge
from tests.support.api import Api
from tests.support.workers import children, new_name, publish, upload, url

AT_ONCE = {"mode": "immediate"}


@pytest.fixture
def api(shared_api: Api) -> Api:
    return shared_api


@pytest.fixture
def instance(shared: Instance) -> Instance:
    return shared


@pytest.fixture
def http(instance: Instance) -> Iterator[requests.Session]:
    with edge.session(instance) as session:
        yield session


ROOM = """
import { DurableObject } from "cloudflare:workers";
export class Room extends DurableObject {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (request.headers.get("upgrade") === "websocket") {
      const [client, server] = Object.values(new WebSocketPair());
      if (pathname === "/hibernating") this.ctx.acceptWebSocket(server);
      else {
        server.binaryType = "arraybuffer";
        server.accept();
        server.addEventListener("message", ({ data }) =>
          server.send(typeof data === "string" ? `@ ${data}` : data));
      }
      return new Response(null, { status: 101, webSocket: client });
    }
    return Response.json(await this.count());
  }
  async count(by = 1) {
    const count = ((await this.ctx.storage.get("count")) ?? 0) + by;
    await this.ctx.storage.put("count", count);
    return { code: "@", count, id: this.ctx.id.toString() };
  }
  rows() { return [...this.ctx.storage.sql.exec("SELECT 1 AS one")]; }
  webSocketMessage(socket, message) { socket.send(`@ ${message}`); }
}
export default {
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url);
    const id = env.ROOMS.idFromName(searchParams.get("room") ?? "lobby");
    const room = env.ROOMS.get(id);
    switch (pathname) {
      case "/ids": {
        const unique = env.ROOMS.newUniqueId();
        const again = env.ROOMS.idFromString(id.toString());
        let invalid;
        try { env.ROOMS.idFromString("0".repeat(64)); } catch (error) { invalid = error.name; }
        return Response.json({ id: id.toString(), name: id.name, same: again.equals(id), invalid,
          unique: (await env.ROOMS.get(unique).count()).id === unique.toString(),
          byName: (await env.ROOMS.getByName("lobby").count(0)).id });
      }
      case "/rpc": return Response.json({ ...(await room.count(10)), rows: await room.rows() });
      default: return room.fetch(request);
    }
  },
};
"""
ROOMS = [{"type": "durable_object_namespace", "name": "ROOMS", "class_name": "Room"}]


@pytest.fixture
def rooms(api: Api) -> tuple[str, str]:
    """A Worker with rooms whose version `one` is live, and the id of its version `two`."""
    script = new_name("rooms")
    migrations = {"new_tag": "v1", "steps": [{"new_sqlite_classes": ["Room"]}]}
    publish(api, script, ROOM.replace("@", "one"), bindings=ROOMS, migrations=migrations)
    return script, upload(api, script, ROOM.replace("@", "two"), bindings=ROOMS)


def count(api: Api, http: requests.Session, script: str, path: str = "/") -> tuple[str, int]:
    found = http.get(url(api, script, path), timeout=10).json()
    return found["code"], found["count"]


def test_objects(api: Api, http: requests.Session, rooms: tuple[str, str]) -> None:
    script, two = rooms
    found = http.get(url(api, script, "/ids"), timeout=10).json()
    assert found["same"] and found["unique"] and found["invalid"] == "TypeError" and found["name"] == "lobby"
    assert found["byName"] == found["id"]
    assert count(api, http, script) == ("one", 1)
    assert count(api, http, script, "/rpc") == ("one", 11)
    assert count(api, http, script, "/?room=other") == ("one", 1)
    api.deploy(script, two, code_update_strategy=AT_ONCE)
    assert count(api, http, script) == ("two", 12)  # new code, the old storage


def test_a_running_object_keeps_its_code_for_max_delay(
    api: Api, http: requests.Session, rooms: tuple[str, str]
) -> None:
    script, two = rooms
    assert count(api, http, script) == ("one", 1)
    api.deploy(script, two, code_update_strategy={"mode": "deferred", "max_delay": 1})
    assert count(api, http, script) == ("one", 2)
    assert count(api, http, script, "/?room=new") == ("two", 1)  # one that was not running
    time.sleep(1.05)
    assert count(api, http, script) == ("two", 3)


def test_an_idle_object_leaves_memory(api: Api, http: requests.Session, rooms: tuple[str, str]) -> None:
    script, two = rooms
    assert count(api, http, script) == ("one", 1)
    api.deploy(script, two)
    assert count(api, http, script) == ("one", 2)
    time.sleep(10.5)
    assert count(api, http, script) == ("two", 3)


@pytest.mark.parametrize("path", ["/socket", "/hibernating"])
def test_websockets(instance: Instance, api: Api, rooms: tuple[str, str], path: str) -> None:
    script, two = rooms
    address = url(api, script, path).replace("https", "wss")

    def said(ws: edge.WebSocket, what: Any = "hello") -> Any:
        ws.send(what)
        return ws.recv(timeout=10)

    with edge.WebSocket(instance, address) as ws:
        assert said(ws) == "one hello"
        assert len(said(ws, "x" * 100_000)) == 100_004
        if path == "/socket":
            assert said(ws, b"\x00\xff") == b"\x00\xff"
        api.deploy(script, two)
        assert said(ws) == "one hello"
        api.deploy(script, two, code_update_strategy=AT_ONCE)
        with pytest.raises(ConnectionClosed):
            said(ws)
    with edge.WebSocket(instance, address) as ws:
        assert said(ws) == "two hello"


# --- the processes


def test_stopping_ends_connections_quietly(tmp_path: Path) -> None:
    script = new_name("rooms")
    with start(tmp_path / "state") as instance:
        api = Api(instance)
        migrations = {"new_tag": "v1", "steps": [{"new_sqlite_classes": ["Room"]}]}
        publish(api, script, ROOM.replace("@", "one"), bindings=ROOMS, migrations=migrations)
        with edge.WebSocket(instance, url(api, script, "/socket").replace("https", "wss")) as ws:
            ws.send("x")
            assert ws.recv(timeout=10) == "one x"
            started = time.monotonic()
            instance.stop()
            assert time.monotonic() - started < 3
            with pytest.raises(ConnectionClosed):
                ws.recv(timeout=10)
    assert instance.process.returncode == 0
    (line,) = (instance.state / "server.log").read_text().splitlines()
    assert line.startswith("local_cloudflare is ready")


def test_workerd_comes_back_and_objects_outlive_a_restart(tmp_path: Path) -> None:
    script = new_name("rooms")
    with start(tmp_path / "state") as instance, edge.session(instance) as http:
        api = Api(instance)
        migrations = {"new_tag": "v1", "steps": [{"new_sqlite_classes": ["Room"]}]}
        publish(api, script, ROOM.replace("@", "one"), bindings=ROOMS, migrations=migrations)
        assert count(api, http, script) == ("one", 1)
        (workerd,) = children(instance.process.pid)
        os.kill(workerd, signal.SIGKILL)
        with edge.session(instance) as another:  # it waits for the new workerd, and is not refused
            assert count(api, another, script) == ("one", 2)
    with start(tmp_path / "state") as instance, edge.session(instance) as http:
        assert count(Api(instance), http, script) == ("one", 3)
        (workerd,) = children(instance.process.pid)
        assert requests.post(instance.admin_url + "/reset", timeout=10).ok
        publish(Api(instance), script, ROOM.replace("@", "new"), bindings=ROOMS, migrations=migrations)
        assert count(Api(instance), http, script) == ("new", 1)
        (workerd,) = children(instance.process.pid)
        instance.process.kill()
        instance.process.wait()
        deadline = time.monotonic() + 5
        while Path(f"/proc/{workerd}").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not Path(f"/proc/{workerd}").exists()
