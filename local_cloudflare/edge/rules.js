// The files _headers and _redirects (Pages docs, configuration/headers and configuration/redirects).

const LIMITS = { headers: 100, staticRedirects: 2000, dynamicRedirects: 100, line: 2000 };
const STATUSES = new Set([200, 301, 302, 303, 307, 308]);

// [{matches(url) -> placeholders | null, set: [[name, value]], unset: [name]}] in the order of the file.
export function parseHeaders(text) {
  const rules = [];
  for (const line of lines(text)) {
    if (/^(\/|https:\/\/)/.test(line)) {
      rules.push({ matches: matcher(line), set: [], unset: [] });
      continue;
    }
    const rule = rules.at(-1);
    const colon = line.indexOf(":");
    if (line.startsWith("!")) rule?.unset.push(line.slice(1).trim());
    else if (colon > 0) rule?.set.push([line.slice(0, colon).trim(), line.slice(colon + 1).trim()]);
  }
  return rules.filter(({ set, unset }) => set.length + unset.length).slice(0, LIMITS.headers);
}

// Every matching rule applies in order; a name that several rules set is joined with a comma.
export function applyHeaders(rules, url, headers) {
  const written = new Set();
  for (const { matches, set, unset } of rules) {
    const placeholders = matches(url);
    if (!placeholders) continue;
    for (const name of unset) headers.delete(name);
    for (const [name, value] of set) {
      const filled = fill(value, placeholders);
      if (written.has(name.toLowerCase())) headers.append(name, filled);
      else headers.set(name, filled);
      written.add(name.toLowerCase());
    }
  }
}

// [{matches, to, status}]: rules without placeholders first, each kind in the order of the file.
export function parseRedirects(text) {
  const plain = new Map();
  const dynamic = [];
  for (const line of lines(text)) {
    const [from, to, code, ...rest] = line.split(/\s+/);
    const status = code === undefined ? 302 : Number(code);
    const proxy = status === 200;
    const valid =
      to !== undefined &&
      rest.length === 0 &&
      from.startsWith("/") &&
      STATUSES.has(status) &&
      (to.startsWith("/") || (!proxy && /^https?:\/\//.test(to)));
    // Cloudflare leaves out a rewrite of everything to the index, which would loop; a site without 404.html
    // has this behaviour anyway.
    const loops = proxy && /\*$/.test(from) && /^\/(index(\.html)?)?$/.test(to);
    if (!valid || loops) continue;
    const rule = { matches: matcher(from), to, status };
    if (/[*]|\/:[A-Za-z]/.test(from)) dynamic.push(rule);
    else if (!plain.has(from)) plain.set(from, rule);
  }
  return [
    ...[...plain.values()].slice(0, LIMITS.staticRedirects),
    ...dynamic.slice(0, LIMITS.dynamicRedirects),
  ];
}

// {status, location} or null. Placeholders and the splat go into the target, and so does the query.
export function redirectFor(rules, url) {
  for (const { matches, to, status } of rules) {
    const placeholders = matches(url);
    if (!placeholders) continue;
    const target = new URL(fill(to, placeholders), url);
    const search = target.search || url.search;
    const origin = target.origin === url.origin ? "" : target.origin;
    return { status, location: `${origin}${target.pathname}${search}${target.hash}` };
  }
  return null;
}

function lines(text) {
  return (text ?? "")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line && !line.startsWith("#") && line.length <= LIMITS.line);
}

// `*` matches anything (once, as `splat`), `:name` anything but a delimiter. A pattern with a host compares
// that too.
function matcher(pattern) {
  const absolute = pattern.startsWith("https://");
  const source = (absolute ? pattern.slice("https://".length) : pattern).replace(
    /\*|:[A-Za-z]\w*|[^*:]+|:/g,
    (part) => {
      if (part === "*") return "(?<splat>.*)";
      if (/^:[A-Za-z]/.test(part)) return `(?<${part.slice(1)}>[^/]+)`;
      return part.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
    },
  );
  let expression;
  try {
    expression = new RegExp(`^${source}$`);
  } catch {
    return () => null; // a placeholder or splat given twice: Cloudflare refuses the rule too
  }
  return (url) => {
    const found = expression.exec(absolute ? url.host + url.pathname : url.pathname);
    return found && { ...found.groups };
  };
}

function fill(text, placeholders) {
  return text.replace(/:([A-Za-z]\w*)/g, (whole, name) => placeholders[name] ?? whole);
}
