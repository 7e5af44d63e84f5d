// A payment service's sandbox: no money moves. A charge and its refund are made once for an idempotency key, however
// often they are asked for, because the key is what the row is found by.
import { FAULT, jsonBody, notFound } from "../shared/release.js";

const TABLE =
  "CREATE TABLE IF NOT EXISTS charges (id TEXT PRIMARY KEY, key TEXT NOT NULL UNIQUE, amount INTEGER NOT NULL, " +
  "currency TEXT NOT NULL, status TEXT NOT NULL, made TEXT NOT NULL, refund_key TEXT UNIQUE, refunded TEXT)";
const DECLINED = "card_declined"; // what a test names as its card

export async function payments(request, path, env) {
  const { searchParams } = new URL(request.url);
  const [, id, refund] = /^\/charges\/([\w-]+)(\/refund)?$/.exec(path) ?? [];
  if (request.method === "POST" && path === "/charges") return charge(request, env);
  if (request.method === "POST" && refund) return refundOf(id, request, env);
  if (request.method === "GET" && id && !refund) return answer(await found(env, "id", id), 200);
  if (request.method === "GET" && path === "/failed") return failed(searchParams.get("since") ?? "", env);
  return notFound();
}

async function charge(request, env) {
  const key = request.headers.get("idempotency-key");
  const { amount, currency, card } = (await jsonBody(request)) ?? {};
  if (!key || !Number.isInteger(amount) || amount <= 0 || typeof currency !== "string") {
    return Response.json({ error: "an Idempotency-Key, a whole amount and a currency are required" }, { status: 400 });
  }
  const status = card === DECLINED ? "failed" : "succeeded";
  const made = new Date().toISOString();
  const insert =
    "INSERT INTO charges (id, key, amount, currency, status, made) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING";
  const { meta } = await query(env, insert, crypto.randomUUID(), key, amount, currency, status, made);
  const row = await found(env, "key", key);
  if (row.amount !== amount || row.currency !== currency) {
    return Response.json({ error: "the key was used for another charge" }, { status: 409 });
  }
  return answer(row, meta.changes ? 201 : 200);
}

async function refundOf(id, request, env) {
  const key = request.headers.get("idempotency-key");
  if (!key) return Response.json({ error: "an Idempotency-Key is required" }, { status: 400 });
  const update =
    "UPDATE charges SET refund_key = ?, refunded = ? WHERE id = ? AND status = 'succeeded' AND " +
    (FAULT === "refunds-twice" ? "TRUE" : "refund_key IS NULL");
  const { meta } = await query(env, update, key, new Date().toISOString(), id);
  const row = await found(env, "id", id);
  if (row && row.refund_key !== key) {
    const error = row.refund_key ? "it is refunded already" : "it did not succeed";
    return Response.json({ error }, { status: 409 });
  }
  return answer(row, meta.changes ? 201 : 200);
}

async function failed(since, env) {
  const select = "SELECT count(*) AS n FROM charges WHERE status = 'failed' AND made >= ?";
  const { results } = await query(env, select, since);
  return Response.json({ failed: results[0].n });
}

async function found(env, column, value) {
  return (await query(env, `SELECT * FROM charges WHERE ${column} = ?`, value)).results[0];
}

/** The code that needs the table makes it: a sandbox has no migrations. */
async function query(env, sql, ...values) {
  const { PAYMENTS } = env;
  return (await PAYMENTS.batch([PAYMENTS.prepare(TABLE), PAYMENTS.prepare(sql).bind(...values)]))[1];
}

function answer(row, status) {
  if (!row) return notFound();
  const { id, amount, currency, made, refunded } = row;
  const state = refunded ? "refunded" : row.status;
  return Response.json({ id, amount, currency, status: state, made, ...(refunded && { refunded }) }, { status });
}
