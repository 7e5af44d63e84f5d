// The entry of the edge. The module state (table.js) is shared by all that is exported here.

import { WorkerEntrypoint } from "cloudflare:workers";
import { dispatch } from "./dispatch.js";
import { takeCounts } from "./invocations.js";
import { reconcileObjects } from "./objects.js";
import { ensureTable, replaceTable } from "./table.js";
import { withWholeUpload } from "./upload.js";

export { D1Storage } from "./d1.js";
export { KvNamespace } from "./kv.js";
export { ObjectHost, ObjectNamespace } from "./objects.js";
export { Outbound, Service } from "./bindings.js";
export { VersionHost } from "./versions.js";

export default {
  async fetch(request, env, ctx) {
    await ensureTable(env);
    const url = new URL(request.url);
    const ray = `${crypto.randomUUID().replaceAll("-", "").slice(0, 16)}-LOC`;
    const inner = new Request(`https://${url.hostname}${url.pathname}${url.search}`, new Request(request, { cf: CF }));
    inner.headers.set("cf-connecting-ip", "127.0.0.1");
    inner.headers.set("cf-ray", ray);
    inner.headers.set("cf-visitor", '{"scheme":"https"}');
    inner.headers.set("x-forwarded-proto", "https");
    const response = await withWholeUpload(inner, ctx, (whole) => dispatch(whole, env));
    const { status, webSocket } = response;
    const outer = webSocket ? new Response(null, { status, webSocket, headers: response.headers }) : new Response(response.body, response);
    outer.headers.set("cf-ray", ray);
    outer.headers.set("server", "cloudflare");
    outer.headers.set("date", new Date().toUTCString());
    return outer;
  },
};

const CF = { colo: "LOC", country: "XX", httpProtocol: "HTTP/1.1", tlsVersion: "TLSv1.3" };

// The control plane's own door, on a socket of its own.
export class Control extends WorkerEntrypoint {
  async fetch(request) {
    if (request.headers.get("x-edge-secret") !== this.env.SECRET) return new Response(null, { status: 403 });
    if (new URL(request.url).pathname === "/invocations") return Response.json(takeCounts());
    await reconcileObjects(this.env, replaceTable(await request.json()));
    return new Response(null, { status: 204 });
  }
}
