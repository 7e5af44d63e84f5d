// Loaded versions of Workers. A version is loaded into a VersionHost, an in-memory Durable Object: a loaded
// Worker belongs to the context that loaded it, and a named one would stay in memory for ever.

import { DurableObject } from "cloudflare:workers";
import { bindingsOf } from "./bindings.js";
import D1_BINDING from "./d1_binding.js";
import { counted } from "./invocations.js";
import PRELUDE from "./prelude.js";
import { chooseVersion } from "./table.js";

const OVERRIDES = "cloudflare-workers-version-overrides";
const ENTRYPOINT = "x-local-entrypoint";
const OLDEST_DATE = "2021-11-02";

// Calls the active version of a script. `entrypoint` is null for the default export. Throws what it throws.
export async function fetchScript(env, script, entrypoint, request) {
  const version = activeVersion(script, request.headers.get(OVERRIDES));
  if (entrypoint || request.headers.has(ENTRYPOINT)) {
    request = new Request(request);
    if (entrypoint) request.headers.set(ENTRYPOINT, entrypoint);
    else request.headers.delete(ENTRYPOINT);
  }
  return counted(script, version, () => hostOf(env, script, version).fetch(request));
}

export async function callScript(env, script, entrypoint, method, args) {
  const version = activeVersion(script, null);
  return counted(script, version, () => hostOf(env, script, version).call(entrypoint, method, args));
}

function activeVersion(script, overrides) {
  const version = chooseVersion(script, overrides);
  if (!version) throw new Error(`the Worker ${script} has no live version`);
  return version;
}

function hostOf(env, script, version) {
  return env.VERSIONS.get(`${script}/${version}`);
}

export class VersionHost extends DurableObject {
  #worker = null;

  async fetch(request) {
    const entrypoint = request.headers.get(ENTRYPOINT);
    const worker = await this.#load();
    if (!entrypoint) return worker.getEntrypoint().fetch(request);
    const inner = new Request(request);
    inner.headers.delete(ENTRYPOINT);
    return worker.getEntrypoint(entrypoint).fetch(inner);
  }

  async call(entrypoint, method, args) {
    const worker = await this.#load();
    return worker.getEntrypoint(entrypoint ?? undefined)[method](...args);
  }

  #load() {
    const [script, version] = this.ctx.id.toString().split("/");
    this.#worker ??= loadVersion(this.env, this.ctx, script, version).catch((error) => {
      this.#worker = null;
      throw error;
    });
    return this.#worker;
  }
}

// A stub of the loaded Worker, alive as long as the calling context. Throws when the control plane does not
// know the version; wrong code shows at the first use.
export async function loadVersion(env, ctx, script, version) {
  const response = await env.CONTROL.fetch(`http://control/internal/workers/${script}/versions/${version}`);
  if (!response.ok) throw new Error(`version ${version} of ${script} cannot be had: ${response.status}`);
  const document = await response.json();
  const { bindings, prelude } = bindingsOf(ctx, script, document);
  const modules = Object.fromEntries(Object.entries(document.modules).map(([name, module]) => [name, moduleOf(module)]));
  const main = modules[document.main_module];
  if (main.js !== undefined) {
    // On the first line and first in order: it is evaluated before the Worker's own code, and no line moves.
    main.js = `import "local-cloudflare:prelude";${main.js}`;
    modules["local-cloudflare:d1"] = { js: D1_BINDING };
    modules["local-cloudflare:prelude"] = { js: `${PRELUDE}\ninstall(${JSON.stringify(prelude)});\n` };
  } else if (Object.keys(prelude).length) {
    throw new Error(`${script}: bindings other than data, KV and services need an ES module as main module`);
  }
  const date = document.compatibility_date ?? OLDEST_DATE;
  return env.LOADER.get(null, () => ({
    compatibilityDate: date < env.NEWEST_DATE ? date : env.NEWEST_DATE,
    compatibilityFlags: document.compatibility_flags ?? [],
    mainModule: document.main_module,
    modules,
    env: bindings,
    globalOutbound: ctx.exports.Outbound({}),
  }));
}

function moduleOf({ type, body, base64 }) {
  const bytes = () => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  switch (type) {
    case "esm":
      return { js: body };
    case "json":
      return { json: JSON.parse(body) };
    case "data":
    case "wasm":
      return { [type]: bytes() };
    default:
      return { [type]: body };
  }
}
