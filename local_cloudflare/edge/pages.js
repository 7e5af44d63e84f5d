// Static sites as Pages serves them (Pages docs, configuration/serving-pages).

import { errorPage } from "./errors.js";
import { applyHeaders, parseHeaders, parseRedirects, redirectFor } from "./rules.js";

const KEEP = 64;

// Deployments never change, so what was read once stays true. The oldest of KEEP makes room.
const deployments = new Map();

// `deployment` is null for a project without a production deployment.
export async function servePages(request, env, { deployment }) {
  const url = new URL(request.url);
  if (!deployment) return errorPage(1042, url.hostname);
  const site = await siteOf(env, deployment);
  const redirect = redirectFor(site.redirects, url);
  if (redirect && redirect.status !== 200) {
    return new Response(null, { status: redirect.status, headers: { location: redirect.location } });
  }
  if (request.method !== "GET" && request.method !== "HEAD") {
    return new Response(null, { status: 405, headers: { allow: "GET, HEAD" } });
  }
  const pathname = redirect ? new URL(redirect.location, url).pathname : url.pathname;
  const response = await staticResponse(request, env, site, find(site.manifest, pathname), url.search);
  const headers = new Headers(response.headers);
  headers.set("access-control-allow-origin", "*");
  headers.set("referrer-policy", "strict-origin-when-cross-origin");
  if (headers.has("content-type")) headers.set("x-content-type-options", "nosniff");
  if (site.environment === "preview") headers.set("x-robots-tag", "noindex");
  applyHeaders(site.headers, url, headers);
  return new Response(response.body, { status: response.status, headers });
}

async function siteOf(env, id) {
  const known = deployments.get(id);
  if (known) return known;
  const response = await env.CONTROL.fetch(`http://control/internal/pages/deployments/${id}`);
  if (!response.ok) throw new Error(`the Pages deployment ${id} cannot be had: ${response.status}`);
  const { environment, manifest, headers, redirects } = await response.json();
  const site = { environment, manifest, headers: parseHeaders(headers), redirects: parseRedirects(redirects) };
  deployments.set(id, site);
  if (deployments.size > KEEP) deployments.delete(deployments.keys().next().value);
  return site;
}

// {asset, status} | {redirect: path} | {}: names without .html and index.html are the canonical ones.
function find(manifest, pathname) {
  const path = decode(pathname);
  const at = (name) => (Object.hasOwn(manifest, name) ? manifest[name] : null);
  const asset = at(path);
  if (asset) {
    if (path.endsWith("/index.html")) return { redirect: path.slice(0, -"index.html".length) };
    if (path.endsWith(".html")) return { redirect: path.slice(0, -".html".length) };
    return { asset, status: 200 };
  }
  if (path.endsWith("/")) {
    const index = at(`${path}index.html`);
    if (index) return { asset: index, status: 200 };
    const bare = path.slice(0, -1);
    if (at(`${bare}.html`)) return { redirect: bare };
  } else {
    const page = at(`${path}.html`);
    if (page) {
      if (path.endsWith("/index")) return { redirect: path.slice(0, -"index".length) };
      return { asset: page, status: 200 };
    }
    if (at(`${path}/index.html`)) return { redirect: `${path}/` };
  }
  for (let folder = path; folder; ) {
    folder = folder.slice(0, folder.lastIndexOf("/"));
    const missing = at(`${folder}/404.html`);
    if (missing) return { asset: missing, status: 404 };
  }
  // Without a 404.html the site is taken for a single-page application.
  const index = at("/index.html");
  return index ? { asset: index, status: 200 } : {};
}

function decode(pathname) {
  try {
    return decodeURIComponent(pathname);
  } catch {
    return pathname;
  }
}

async function staticResponse(request, env, site, { asset, status, redirect }, search) {
  if (redirect !== undefined) {
    return new Response(null, { status: 308, headers: { location: encodeURI(redirect) + search } });
  }
  if (!asset) return new Response(null, { status: 404 });
  const etag = `"${asset.hash}"`;
  const headers = { etag, "cache-control": "public, max-age=0, must-revalidate" };
  if (status === 200 && sameTag(request.headers.get("if-none-match"), etag)) {
    return new Response(null, { status: 304, headers });
  }
  if (status === 404) headers["cache-control"] = "no-store";
  headers["content-type"] = asset.type;
  if (request.method === "HEAD") return new Response(null, { status, headers });
  const stored = await env.CONTROL.fetch(`http://control/internal/pages/assets/${asset.hash}`);
  if (!stored.ok) throw new Error(`the asset ${asset.hash} cannot be had: ${stored.status}`);
  return new Response(stored.body, { status, headers });
}

function sameTag(header, etag) {
  return (header ?? "").split(",").some((tag) => tag.trim().replace(/^W\//, "") === etag);
}
