// What a version finds in `env`. Only data and stubs of this router's entrypoints can be given to a loaded
// Worker; what needs more (a synchronous API, an error at use) is put in place by prelude.js inside it.

import { WorkerEntrypoint } from "cloudflare:workers";
import { dispatch } from "./dispatch.js";
import { route } from "./table.js";
import { callScript, fetchScript } from "./versions.js";

// {bindings: the Worker's env, prelude: {name: instruction}} of a version's document.
export function bindingsOf(ctx, script, document) {
  const bindings = {};
  const prelude = {};
  for (const binding of document.bindings) {
    const { name, type } = binding;
    switch (type) {
      case "plain_text":
      case "secret_text":
        bindings[name] = binding.text;
        break;
      case "json":
        bindings[name] = binding.json;
        break;
      case "version_metadata":
        bindings[name] = { id: document.id, tag: document.tag ?? "", timestamp: document.created_on };
        break;
      case "kv_namespace":
        bindings[name] = ctx.exports.KvNamespace({ props: { namespace: binding.namespace_id } });
        break;
      case "d1":
        bindings[name] = ctx.exports.D1Storage({ props: { database: binding.id } });
        prelude[name] = { kind: "d1" };
        break;
      case "service":
        bindings[name] = ctx.exports.Service({
          props: { script: binding.service, entrypoint: binding.entrypoint ?? null },
        });
        break;
      case "durable_object_namespace": {
        const props = { script: binding.script_name ?? script, className: binding.class_name };
        bindings[name] = ctx.exports.ObjectNamespace({ props });
        prelude[name] = { kind: "objects", space: `${props.script}/${props.className}` };
        break;
      }
      default:
        prelude[name] = { kind: "unavailable", type };
    }
  }
  return { bindings, prelude };
}

// A service binding. Its target's active version is looked up at each call.
export class Service extends WorkerEntrypoint {
  constructor(ctx, env) {
    super(ctx, env);
    return new Proxy(this, {
      get(target, property) {
        if (Reflect.has(target, property)) {
          const value = Reflect.get(target, property);
          return typeof value === "function" ? value.bind(target) : value;
        }
        const { script, entrypoint } = ctx.props;
        return (...args) => callScript(env, script, entrypoint, property, args);
      },
    });
  }

  fetch(request) {
    const { script, entrypoint } = this.ctx.props;
    return fetchScript(this.env, script, entrypoint, request);
  }
}

// The global fetch() of a Worker: names of this account only. Nothing leaves the machine.
export class Outbound extends WorkerEntrypoint {
  fetch(request) {
    const url = new URL(request.url);
    if (route(url.hostname, url.pathname + url.search).unknown) {
      throw new Error(`${url.hostname} is not served by the local Cloudflare, and a Worker cannot reach beyond it`);
    }
    return dispatch(request, this.env);
  }
}
