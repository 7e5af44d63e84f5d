/* global __RELEASE__, __FAULT__ */
// Compiled in by `wrangler deploy --define`, so that every release is other code and cannot misreport itself.
export const RELEASE = typeof __RELEASE__ === "string" ? __RELEASE__ : "unreleased";
export const FAULT = typeof __FAULT__ === "string" ? __FAULT__ : "none";

const SLOW_MS = 3000;

/** The Worker's entry point: its own answers, or what a bad release makes of them. */
export function released(answer) {
  return {
    async fetch(request, env, ctx) {
      if (FAULT === "throws") throw new Error(`release ${RELEASE} is broken`);
      if (new URL(request.url).pathname !== "/health") return answer(request, env, ctx);

      if (FAULT === "slow") await new Promise((resume) => setTimeout(resume, SLOW_MS));
      if (FAULT === "html") return page();
      const response = await answer(request, env, ctx);
      if (FAULT === "error-status") return withStatus(response, "error");
      return response;
    },
  };
}

export function notFound() {
  return Response.json({ error: "not found" }, { status: 404 });
}

/** Null when the body is not a JSON object. */
export async function jsonBody(request) {
  const body = await request.json().catch(() => null);
  return body !== null && typeof body === "object" && !Array.isArray(body) ? body : null;
}

/** What every Worker that knows its version answers to GET /api/version. */
export function version(env) {
  const { id, tag, timestamp } = env.CF_VERSION;
  return Response.json({ release: RELEASE, tag, version: id, created: timestamp });
}

// The single-page fallback of a misrouted host: 200, labelled as JSON, and not JSON.
function page() {
  const body = `<!doctype html><title>Must Be Viral</title><p>release ${RELEASE}</p>`;
  return new Response(body, { headers: { "content-type": "application/json" } });
}

async function withStatus(response, status) {
  const body = await response.json();
  return Response.json({ ...body, status }, { headers: response.headers });
}
