// Rooms. Health answers the literal version of the day it was written: this Worker cannot say its version.
import { DurableObject } from "cloudflare:workers";

import { RELEASE, notFound, released } from "../shared/release.js";

const SLOW_CHECK_MS = 1000;

/** One room: echoes each message with its count and the release whose code this object runs, until it is deleted. */
export class WebSocketRoom extends DurableObject {
  async fetch(request) {
    const room = new URL(request.url).pathname.split("/").pop();
    if (request.method === "DELETE") {
      await this.ctx.storage.delete("count");
      return new Response(null, { status: 204 });
    }
    if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") return Response.json(await this.state(room));

    const [client, server] = Object.values(new WebSocketPair());
    server.accept();
    server.addEventListener("message", async ({ data }) => {
      await this.ctx.storage.put("count", ((await this.ctx.storage.get("count")) ?? 0) + 1);
      server.send(JSON.stringify({ ...(await this.state(room)), echo: data }));
    });
    return new Response(null, { status: 101, webSocket: client });
  }

  async state(room) {
    return { room, count: (await this.ctx.storage.get("count")) ?? 0, release: RELEASE };
  }
}

export default released(async (request, env) => {
  const { pathname } = new URL(request.url);
  if (pathname === "/health") return health(env);
  const room = /^\/ws\/([\w-]{1,64})$/.exec(pathname)?.[1];
  return room ? roomOf(env, room).fetch(request) : notFound();
});

function roomOf(env, name) {
  return env.ROOMS.get(env.ROOMS.idFromName(name));
}

async function health(env) {
  const started = Date.now();
  let rooms;
  try {
    await (await roomOf(env, "health").fetch("https://room/ws/health")).body?.cancel();
    const duration = Date.now() - started;
    rooms = duration > SLOW_CHECK_MS ? warn("slow", duration) : { status: "pass", message: "answers", duration };
  } catch (error) {
    rooms = warn(String(error.message), Date.now() - started);
  }
  return Response.json({
    status: rooms.status === "pass" ? "healthy" : "degraded",
    timestamp: Date.now(),
    service: "websocket",
    version: "1.0.0",
    checks: { rooms },
  });
}

function warn(message, duration) {
  return { status: "warn", message, duration };
}
