// From a request with a public name to what answers it.

import { errorPage } from "./errors.js";
import { servePages } from "./pages.js";
import { route } from "./table.js";
import { fetchScript } from "./versions.js";

const ERROR_OF_UNKNOWN = { worker: 1042, pages: 1042, zone: 1016, host: 1016 };

// `request.url` is https://<name>/... without a port.
export async function dispatch(request, env) {
  const url = new URL(request.url);
  const target = route(url.hostname, url.pathname + url.search);
  if (target.unknown) return errorPage(ERROR_OF_UNKNOWN[target.unknown], url.hostname);
  try {
    if (target.script) return await fetchScript(env, target.script, null, request);
    return await servePages(request, env, target);
  } catch (error) {
    console.error(`${target.script ?? target.project}: ${error?.stack ?? error}`);
    return errorPage(1101, url.hostname);
  }
}
