// The routing table the control plane pushes, and the questions the edge asks of it.

let table = null;
let pulling = null;

// Returns the names of the scripts whose deployment is another one than before.
export function replaceTable(next) {
  const before = table?.workers ?? {};
  next.routes = next.routes.map(compile).sort(moreSpecificFirst);
  table = next;
  return Object.keys(next.workers).filter(
    (script) => before[script] && before[script].deployment_id !== next.workers[script].deployment_id,
  );
}

// A fresh isolate (first start, or workerd came back after a crash) has no table and asks for it.
export async function ensureTable(env) {
  if (table) return;
  pulling ??= env.CONTROL.fetch("http://control/internal/table")
    .then(async (response) => {
      if (!response.ok) throw new Error(`the control plane refused the table: ${response.status}`);
      const next = await response.json();
      if (!table) replaceTable(next);
    })
    .finally(() => (pulling = null));
  await pulling;
}

// Cloudflare's route patterns: a `*` may start the host and end the path (Workers docs, routes).
function compile({ pattern, script, zone }) {
  const bare = pattern.replace(/^https?:\/\//, "");
  const slash = bare.indexOf("/");
  const host = slash < 0 ? bare : bare.slice(0, slash);
  const path = slash < 0 ? "/" : bare.slice(slash);
  return {
    script,
    zone,
    anyHost: host.startsWith("*"),
    host: host.replace(/^\*/, "").toLowerCase(),
    anyPath: path.endsWith("*"),
    path: path.replace(/\*$/, ""),
  };
}

function moreSpecificFirst(a, b) {
  return (
    a.anyHost - b.anyHost ||
    b.host.length - a.host.length ||
    b.path.length - a.path.length ||
    a.anyPath - b.anyPath
  );
}

function within(host, zone) {
  return host === zone || host.endsWith(`.${zone}`);
}

function matches(route, host, target) {
  if (route.zone && !within(host, route.zone)) return false;
  if (route.anyHost ? !host.endsWith(route.host) : host !== route.host) return false;
  return route.anyPath ? target.startsWith(route.path) : target === route.path;
}

// {script} | {project, deployment} | {unknown: "zone" | "worker" | "pages" | "host"}; `target` is path and query.
export function route(host, target) {
  if (host.endsWith(`.${table.workers_dev}`)) {
    const script = host.slice(0, -table.workers_dev.length - 1);
    return table.workers[script]?.workers_dev ? { script } : { unknown: "worker" };
  }
  if (host.endsWith(".pages.dev")) return pagesDev(host.slice(0, -".pages.dev".length));
  const zone = table.zones.find((name) => within(host, name));
  if (zone) {
    const found = table.routes.find((entry) => matches(entry, host, target));
    // A route without a script switches Workers off for what it matches.
    if (found?.script) return { script: found.script };
    const script = table.custom_domains[host];
    if (script) return { script };
  }
  for (const [project, { canonical, domains }] of Object.entries(table.pages)) {
    if (domains.includes(host)) return { project, deployment: canonical };
  }
  return { unknown: zone ? "zone" : "host" };
}

function pagesDev(name) {
  const dot = name.lastIndexOf(".");
  const project = name.slice(dot + 1);
  const pages = table.pages[project];
  if (!pages) return { unknown: "pages" };
  if (dot < 0) return { project, deployment: pages.canonical };
  const label = name.slice(0, dot);
  const deployment = pages.deployments[label] ?? pages.branches[label];
  return deployment ? { project, deployment } : { unknown: "pages" };
}

export function deploymentOf(script) {
  return table.workers[script];
}

// The id of the version that answers this request, or null. The dice are Cloudflare's percentages; a valid
// override names a version of the current deployment, also one at 0 %.
export function chooseVersion(script, overrides, point = Math.random() * 100) {
  const versions = table.workers[script]?.versions ?? [];
  const wanted = overrides && overrideFor(script, overrides);
  if (wanted && versions.some(({ id }) => id === wanted)) return wanted;
  let sum = 0;
  for (const { id, percentage } of versions) {
    sum += percentage;
    if (point < sum) return id;
  }
  return null;
}

// Cloudflare-Workers-Version-Overrides is a structured dictionary: script="version", other="version".
function overrideFor(script, header) {
  for (const [, name, version] of header.matchAll(/(?:^|,)\s*([^\s=,]+)\s*=\s*"([^"]*)"/g)) {
    if (name === script) return version;
  }
  return null;
}
