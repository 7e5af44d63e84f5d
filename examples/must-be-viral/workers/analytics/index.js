// Events. Health says nothing of the version in its body: the release is only in the header X-Release.
import { RELEASE, jsonBody, notFound, released } from "../shared/release.js";

const PAGE = 1000; // keys in one answer of KV, and so the most events one summary counts

let started; // Date.now() stands still outside a request, so the first request is the start

export default released(async (request, env) => {
  started ??= Date.now();
  const { pathname } = new URL(request.url);
  switch (`${request.method} ${pathname}`) {
    case "GET /health":
      return health(env);
    case "POST /events":
      return record(await jsonBody(request), env);
    case "GET /events":
      return summary(env);
    default:
      return notFound();
  }
});

function health(env) {
  return Response.json(
    {
      status: "healthy",
      service: "analytics",
      environment: env.ENVIRONMENT,
      timestamp: new Date().toISOString(),
      uptime: Date.now() - started,
    },
    { headers: { "x-release": RELEASE } },
  );
}

async function record(event, env) {
  if (!/^[\w-]{1,64}$/.test(event?.name ?? "")) {
    return Response.json({ error: "a name of letters, digits, _ and - is required" }, { status: 400 });
  }
  // One key an event: a counter would lose events, because KV has no read-modify-write.
  await env.ANALYTICS_EVENTS.put(`event:${event.name}:${crypto.randomUUID()}`, new Date().toISOString());
  return Response.json({ accepted: event.name }, { status: 202 });
}

async function summary(env) {
  const { keys, list_complete } = await env.ANALYTICS_EVENTS.list({ prefix: "event:", limit: PAGE });
  const events = {};
  for (const { name } of keys) {
    const event = name.split(":")[1];
    events[event] = (events[event] ?? 0) + 1;
  }
  return Response.json({ events, complete: list_complete });
}
