// Durable Objects of loaded versions. Each lives as a facet inside an ObjectHost of this router, so that its
// storage stays when its code is swapped.

import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";
import { chooseVersion, deploymentOf } from "./table.js";
import { loadVersion } from "./versions.js";

const FACET = "object";
const IDENTITY = "x-local-object";
// As on Cloudflare, an object without work and without an open WebSocket leaves memory after about 10 s.
const IDLE_MS = 10_000;

// Ids of the objects in memory, by script.
const inMemory = new Map();

// Tells the objects of these scripts that their deployment changed; returns when all have acted on it.
export async function reconcileObjects(env, scripts) {
  const ids = scripts.flatMap((script) => [...(inMemory.get(script) ?? [])]);
  await Promise.all(ids.map((id) => env.OBJECTS.get(env.OBJECTS.idFromString(id)).reconcile()));
}

// The binding. prelude.js gives it the synchronous API (idFromName and so on) inside the Worker.
export class ObjectNamespace extends WorkerEntrypoint {
  fetch(request) {
    const host = this.#host(request.headers.get(IDENTITY));
    const { script, className } = this.ctx.props;
    const inner = new Request(request);
    inner.headers.set(IDENTITY, `${script}/${className}`);
    return host.fetch(inner);
  }

  call(id, method, args) {
    const { script, className } = this.ctx.props;
    return this.#host(id).call(script, className, method, args);
  }

  #host(id) {
    return this.env.OBJECTS.get(this.env.OBJECTS.idFromString(id));
  }
}

export class ObjectHost extends DurableObject {
  #script = null;
  #className = null;
  #version = null;
  #worker = null;
  #sockets = new Set();
  #busy = 0;
  #idleTimer = null;
  #updateTimer = null;

  async fetch(request) {
    const [script, className] = request.headers.get(IDENTITY).split("/");
    const inner = new Request(request);
    inner.headers.delete(IDENTITY);
    return this.#use(script, className, async (facet) => {
      const response = await facet.fetch(inner);
      if (response.webSocket) return this.#relay(response);
      return response.body ? new Response(this.#counted(response.body), response) : response;
    });
  }

  call(script, className, method, args) {
    return this.#use(script, className, (facet) => facet[method](...args));
  }

  // Compares the running code with the deployment: the new code takes over at once (immediate), or when
  // max_delay has passed since the deployment (deferred), or when the object has left memory by itself.
  reconcile() {
    clearTimeout(this.#updateTimer);
    if (!this.#version || this.#version === this.#wanted()) return;
    const { created_on, code_update_strategy: strategy } = deploymentOf(this.#script) ?? {};
    const delay = strategy?.mode === "deferred" ? created_on + strategy.max_delay * 1000 - Date.now() : 0;
    if (delay > 0) this.#updateTimer = setTimeout(() => this.reconcile(), delay);
    else this.#drop("Durable Object reset because its code was updated.");
  }

  async #use(script, className, work) {
    this.#script = script;
    this.#className = className;
    clearTimeout(this.#idleTimer);
    this.#busy++;
    try {
      this.reconcile();
      return await work(this.ctx.facets.get(FACET, () => this.#start()));
    } finally {
      this.#busy--;
      this.#rest();
    }
  }

  async #start() {
    const version = this.#wanted();
    if (!version) throw new Error(`the Worker ${this.#script} has no live version`);
    this.#worker = await loadVersion(this.env, this.ctx, this.#script, version);
    this.#version = version;
    if (!inMemory.has(this.#script)) inMemory.set(this.#script, new Set());
    inMemory.get(this.#script).add(this.ctx.id.toString());
    return { class: this.#worker.getDurableObjectClass(this.#className), id: this.ctx.id };
  }

  // In a split each object belongs to one version, by its id; version overrides do not move objects.
  #wanted() {
    const point = parseInt(this.ctx.id.toString().slice(0, 8), 16) % 100;
    return chooseVersion(this.#script, null, point);
  }

  #drop(reason) {
    this.ctx.facets.abort(FACET, new Error(reason));
    for (const close of this.#sockets) close();
    this.#version = null;
    this.#worker = null;
    inMemory.get(this.#script)?.delete(this.ctx.id.toString());
  }

  #rest() {
    if (this.#busy || this.#sockets.size || !this.#version) return;
    clearTimeout(this.#idleTimer);
    this.#idleTimer = setTimeout(() => {
      clearTimeout(this.#updateTimer);
      this.#drop("Durable Object left memory because it was idle.");
    }, IDLE_MS);
  }

  // Counts the body as work until it is through.
  #counted(body) {
    const { readable, writable } = new IdentityTransformStream();
    this.#busy++;
    const done = () => {
      this.#busy--;
      this.#rest();
    };
    body.pipeTo(writable).then(done, done);
    return readable;
  }

  // Stands between the client's WebSocket and the object's: aborting a facet alone leaves accepted ones open.
  #relay(response) {
    const [client, outer] = Object.values(new WebSocketPair());
    const inner = response.webSocket;
    const close = (code = 1012, reason = "Durable Object was reset") => {
      if (!this.#sockets.delete(close)) return;
      for (const socket of [inner, outer]) hangUp(socket, code, reason);
      this.#rest();
    };
    this.#sockets.add(close);
    for (const [from, to] of [
      [inner, outer],
      [outer, inner],
    ]) {
      from.binaryType = "arraybuffer";
      from.accept();
      from.addEventListener("message", ({ data }) => to.send(data));
      from.addEventListener("close", ({ code, reason }) => close(code, reason));
      from.addEventListener("error", () => close());
    }
    return new Response(null, { status: 101, webSocket: client, headers: response.headers });
  }
}

function hangUp(socket, code, reason) {
  try {
    // 1005 and 1006 stand for a missing close frame and cannot be sent in one.
    if (code === 1005 || code === 1006) socket.close();
    else socket.close(code, reason);
  } catch {
    // It is closed already, which is what was wanted.
  }
}
