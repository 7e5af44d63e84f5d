// The one door: /api/<service>/* goes to that service, and payments are its own. Its health depends on the siblings,
// and stays 200.
import { notFound, released, version } from "../shared/release.js";
import { payments } from "./payments.js";

// Without it a version that is being tried unseen would be asked about siblings that are not.
const OVERRIDES = "cloudflare-workers-version-overrides";
const HEALTH_TIMEOUT_MS = 5000;

export default released(async (request, env) => {
  const url = new URL(request.url);
  if (url.pathname === "/health") return health(request, env);
  if (url.pathname === "/api/version") return version(env);

  const [, name, rest] = /^\/api\/([a-z]+)(\/.*)?$/.exec(url.pathname) ?? [];
  if (name === "payments") return payments(request, rest ?? "/", env);
  const service = siblings(env)[name];
  if (!service) return notFound();
  url.pathname = rest ?? "/";
  return service.fetch(new Request(url, request));
});

function siblings(env) {
  return { auth: env.AUTH, content: env.CONTENT, analytics: env.ANALYTICS, websocket: env.WEBSOCKET };
}

async function health(request, env) {
  const entries = Object.entries(siblings(env));
  const states = await Promise.all(entries.map(([, service]) => ask(service, request)));
  const services = Object.fromEntries(entries.map(([name], index) => [name, states[index]]));
  const healthy = states.every((state) => state === "connected");
  return Response.json({
    status: healthy ? "healthy" : "degraded",
    service: "api-gateway",
    environment: env.ENVIRONMENT,
    timestamp: new Date().toISOString(),
    requestId: crypto.randomUUID(),
    version: env.RELEASE,
    services,
  });
}

async function ask(service, request) {
  const headers = new Headers({ "user-agent": "must-be-viral-api-gateway" });
  const overrides = request.headers.get(OVERRIDES);
  if (overrides) headers.set(OVERRIDES, overrides);
  try {
    const signal = AbortSignal.timeout(HEALTH_TIMEOUT_MS);
    const response = await service.fetch("https://sibling/health", { headers, signal });
    await response.body?.cancel();
    return response.ok ? "connected" : `answers ${response.status}`;
  } catch (error) {
    return error.name === "TimeoutError" ? "timeout" : "unreachable";
  }
}
