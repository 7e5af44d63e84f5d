// A Workers KV binding over the control plane's storage (Workers docs, KV API).

import { WorkerEntrypoint } from "cloudflare:workers";

export class KvNamespace extends WorkerEntrypoint {
  async get(key, options) {
    if (Array.isArray(key)) return this.#many(key, async (one) => this.get(one, options));
    return (await this.#read(key, options)).value;
  }

  async getWithMetadata(key, options) {
    if (Array.isArray(key)) return this.#many(key, async (one) => this.getWithMetadata(one, options));
    return { ...(await this.#read(key, options)), cacheStatus: null };
  }

  async put(key, value, options = {}) {
    const query = new URLSearchParams();
    if (options.expiration != null) query.set("expiration", options.expiration);
    if (options.expirationTtl != null) query.set("expiration_ttl", options.expirationTtl);
    const headers = {};
    if (options.metadata != null) headers["x-metadata"] = encodeURIComponent(JSON.stringify(options.metadata));
    // A stream of unknown length is read first: the control plane stores whole values.
    const body = value instanceof ReadableStream ? await new Response(value).arrayBuffer() : value;
    await this.#call("PUT", `${this.#path(key)}?${query}`, { headers, body });
  }

  async delete(key) {
    await this.#call("DELETE", this.#path(key));
  }

  async list({ prefix, limit, cursor } = {}) {
    const query = new URLSearchParams();
    if (prefix != null) query.set("prefix", prefix);
    if (limit != null) query.set("limit", limit);
    if (cursor != null) query.set("cursor", cursor);
    const page = await (await this.#call("GET", `/keys?${query}`)).json();
    return { keys: page.keys, list_complete: !page.cursor, ...(page.cursor && { cursor: page.cursor }), cacheStatus: null };
  }

  async #many(keys, read) {
    return new Map(await Promise.all(keys.map(async (key) => [key, await read(key)])));
  }

  async #read(key, options) {
    const type = (typeof options === "string" ? options : options?.type) ?? "text";
    const response = await this.#call("GET", this.#path(key));
    if (response.status === 204) return { value: null, metadata: null };
    const metadata = JSON.parse(decodeURIComponent(response.headers.get("x-metadata")));
    return { value: await valueOf(response, type), metadata };
  }

  #path(key) {
    if (typeof key !== "string") throw new TypeError("a KV key must be a string");
    return `/values/${encodeURIComponent(key)}`;
  }

  async #call(method, path, init) {
    const url = `http://control/internal/kv/${this.ctx.props.namespace}${path}`;
    const response = await this.env.CONTROL.fetch(url, { method, ...init });
    if (!response.ok) throw new Error(`KV ${method} failed: ${response.status} ${await response.text()}`);
    return response;
  }
}

function valueOf(response, type) {
  switch (type) {
    case "text":
      return response.text();
    case "json":
      return response.json();
    case "arrayBuffer":
      return response.arrayBuffer();
    case "stream":
      return response.body ?? new Blob([]).stream();
    default:
      throw new TypeError(`Unknown response type. Possible types are "text", "arrayBuffer", "json", and "stream".`);
  }
}
