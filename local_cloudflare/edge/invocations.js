// Counts how often each version of a Worker was called, and how that ended, by the second. The control plane
// fetches the counts when somebody asks for analytics. What nobody fetched is lost when workerd ends.

const KEEP = 50_000;

// "second script version status" -> number; the oldest make room.
const counts = new Map();

// Calls a version, and counts it: as a service binding's target too, as Cloudflare does. An answer of any HTTP
// status is a success; only what is thrown is an error (Workers docs, metrics and analytics).
export async function counted(script, version, call) {
  let status = "scriptThrewException";
  try {
    const answer = await call();
    status = "success";
    return answer;
  } finally {
    const key = `${Math.floor(Date.now() / 1000)} ${script} ${version} ${status}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
    if (counts.size > KEEP) counts.delete(counts.keys().next().value);
  }
}

// [[second, script, version, status, number]], each of them once.
export function takeCounts() {
  const taken = [...counts].map(([key, number]) => {
    const [second, ...rest] = key.split(" ");
    return [Number(second), ...rest, number];
  });
  counts.clear();
  return taken;
}
