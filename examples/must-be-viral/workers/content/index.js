/* global __SCHEMA__ */
// Items of content. Health names the platform's id of the running version, not the release.
import { jsonBody, notFound, released, version } from "../shared/release.js";

// The last migration that this release was written for; compiled in, as the release itself is.
const SCHEMA = typeof __SCHEMA__ === "number" ? __SCHEMA__ : 2;
const TEXT = SCHEMA >= 3 ? "body" : "text";
const COLUMNS = ["id", "title", TEXT, ...(SCHEMA >= 2 ? ["tags"] : []), "created", "updated"];
const SELECT = `SELECT ${COLUMNS} FROM items`;
const SAVE =
  `INSERT INTO items (${COLUMNS}) VALUES (${COLUMNS.map(() => "?")}) ` +
  `ON CONFLICT (id) DO UPDATE SET ${COLUMNS.map((column) => `${column} = excluded.${column}`)}`;

export default released(async (request, env) => {
  const { pathname } = new URL(request.url);
  if (pathname === "/health") return health(env);
  if (pathname === "/api/version") return version(env);
  if (pathname === "/items") return collection(request, env);
  const id = /^\/items\/([\w-]+)$/.exec(pathname)?.[1];
  return id ? item(id, request, env) : notFound();
});

async function health(env) {
  const database = await env.CONTENT_DB.prepare(`${SELECT} LIMIT 1`).first().then(() => "ok", () => "error");
  const ok = database === "ok";
  return Response.json(
    {
      status: ok ? "ok" : "error",
      timestamp: new Date().toISOString(),
      version: env.CF_VERSION.id,
      environment: env.ENVIRONMENT,
      dependencies: { database },
    },
    { status: ok ? 200 : 503 },
  );
}

async function collection(request, env) {
  if (request.method === "GET") {
    const { results } = await env.CONTENT_DB.prepare("SELECT id FROM items ORDER BY updated DESC").all();
    return Response.json({ items: results.map((row) => row.id) });
  }
  if (request.method === "POST") return save(crypto.randomUUID(), null, await jsonBody(request), env);
  return notAllowed("GET, POST");
}

async function item(id, request, env) {
  const row = await env.CONTENT_DB.prepare(`${SELECT} WHERE id = ?`).bind(id).first();
  // Who writes an item may choose its id, and finds it again although the answer was lost.
  if (!row && request.method !== "PUT") return notFound();
  switch (request.method) {
    case "GET":
      return Response.json(shown(row));
    case "PUT":
      return save(id, row, await jsonBody(request), env);
    case "DELETE":
      await env.CONTENT_DB.prepare("DELETE FROM items WHERE id = ?").bind(id).run();
      return new Response(null, { status: 204 });
    default:
      return notAllowed("GET, PUT, DELETE");
  }
}

async function save(id, before, body, env) {
  if (typeof body?.title !== "string") return Response.json({ error: "a title is required" }, { status: 400 });
  const now = new Date().toISOString();
  const row = {
    id,
    title: body.title,
    [TEXT]: String(body.text ?? ""),
    tags: JSON.stringify(body.tags ?? []),
    created: before?.created ?? now,
    updated: now,
  };
  await env.CONTENT_DB.prepare(SAVE).bind(...COLUMNS.map((column) => row[column])).run();
  return Response.json(shown(row), { status: before ? 200 : 201 });
}

function shown({ id, title, [TEXT]: text, tags, created, updated }) {
  return { id, title, text, ...(SCHEMA >= 2 && { tags: JSON.parse(tags) }), created, updated };
}

function notAllowed(allow) {
  return Response.json({ error: "method not allowed" }, { status: 405, headers: { allow } });
}
