// Items of content. Health names the platform's id of the running version, not the release.
import { jsonBody, notFound, released, version } from "../shared/release.js";

export default released(async (request, env) => {
  const { pathname } = new URL(request.url);
  if (pathname === "/health") return health(env);
  if (pathname === "/api/version") return version(env);
  if (pathname === "/items") return collection(request, env);
  const id = /^\/items\/([\w-]+)$/.exec(pathname)?.[1];
  return id ? item(id, request, env) : notFound();
});

async function health(env) {
  const cache = await env.CONTENT_CACHE.get("health").then(() => "ok", () => "error");
  const ok = cache === "ok";
  return Response.json(
    {
      status: ok ? "ok" : "error",
      timestamp: new Date().toISOString(),
      version: env.CF_VERSION.id,
      environment: env.ENVIRONMENT,
      dependencies: { cache },
    },
    { status: ok ? 200 : 503 },
  );
}

async function collection(request, env) {
  if (request.method === "GET") {
    const { keys } = await env.CONTENT_CACHE.list({ prefix: "item:" });
    return Response.json({ items: keys.map((key) => key.name.slice("item:".length)) });
  }
  if (request.method === "POST") return save(crypto.randomUUID(), null, await jsonBody(request), env);
  return notAllowed("GET, POST");
}

async function item(id, request, env) {
  const stored = await env.CONTENT_CACHE.get(`item:${id}`, "json");
  if (!stored) return notFound();
  switch (request.method) {
    case "GET":
      return Response.json(stored);
    case "PUT":
      return save(id, stored, await jsonBody(request), env);
    case "DELETE":
      await env.CONTENT_CACHE.delete(`item:${id}`);
      return new Response(null, { status: 204 });
    default:
      return notAllowed("GET, PUT, DELETE");
  }
}

async function save(id, before, body, env) {
  if (typeof body?.title !== "string") return Response.json({ error: "a title is required" }, { status: 400 });
  const now = new Date().toISOString();
  const saved = { id, title: body.title, text: body.text ?? "", created: before?.created ?? now, updated: now };
  await env.CONTENT_CACHE.put(`item:${id}`, JSON.stringify(saved));
  return Response.json(saved, { status: before ? 200 : 201 });
}

function notAllowed(allow) {
  return Response.json({ error: "method not allowed" }, { status: 405, headers: { allow } });
}
