// Accounts and sessions. Health names the release by the tag of the running version.
import { jsonBody, notFound, released, version } from "../shared/release.js";

const SESSION_SECONDS = 3600;
const PBKDF2 = { name: "PBKDF2", hash: "SHA-256", iterations: 100000 }; // the most that Workers allow
const encoder = new TextEncoder();

export default released(async (request, env) => {
  const { pathname } = new URL(request.url);
  switch (`${request.method} ${pathname}`) {
    case "GET /health":
      return health(env);
    case "GET /api/version":
      return version(env);
    case "POST /register":
      return register(await jsonBody(request), env);
    case "POST /login":
      return login(await jsonBody(request), env);
    case "DELETE /account":
      return forget(await jsonBody(request), env);
    case "GET /me":
      return me(request, env);
    default:
      return notFound();
  }
});

async function health(env) {
  const checks = {
    session_store: await env.SESSION_STORE.get("health").then(() => "pass", () => "fail"),
    jwt_secret: env.JWT_SECRET ? "pass" : "fail",
  };
  const healthy = Object.values(checks).every((check) => check === "pass");
  return Response.json(
    {
      status: healthy ? "healthy" : "unhealthy",
      timestamp: Date.now(),
      service: "auth",
      version: env.CF_VERSION.tag,
      checks,
    },
    { status: healthy ? 200 : 503 },
  );
}

async function register(body, env) {
  const { email, password } = body ?? {};
  if (!isText(email) || !isText(password)) return refuse(400, "email and password are required");
  if (await env.SESSION_STORE.get(`user:${email}`)) return refuse(409, "already registered");

  const salt = crypto.randomUUID();
  const user = { email, salt, password: await derive(password, salt) };
  await env.SESSION_STORE.put(`user:${email}`, JSON.stringify(user));
  return Response.json({ email }, { status: 201 });
}

async function login(body, env) {
  const { email, password } = body ?? {};
  if (!isText(email) || !isText(password)) return refuse(400, "email and password are required");
  const user = await userOf(email, env);
  if (!(await isPassword(password, user))) return refuse(401, "wrong email or password");

  const session = crypto.randomUUID();
  await env.SESSION_STORE.put(`session:${session}`, email, { expirationTtl: SESSION_SECONDS });
  const expires = Math.floor(Date.now() / 1000) + SESSION_SECONDS;
  return Response.json({ token: await sign({ sub: email, sid: session, exp: expires }, env.JWT_SECRET) });
}

/** The account is gone, and with it every session: `me` looks for the account of a session. */
async function forget(body, env) {
  const { email, password } = body ?? {};
  if (!isText(email) || !isText(password)) return refuse(400, "email and password are required");
  const user = await userOf(email, env);
  if (!user) return refuse(404, "no such account");
  if (!(await isPassword(password, user))) return refuse(401, "wrong email or password");
  await env.SESSION_STORE.delete(`user:${email}`);
  return new Response(null, { status: 204 });
}

async function me(request, env) {
  const token = /^Bearer (.+)$/.exec(request.headers.get("authorization") ?? "")?.[1];
  const claims = token && (await verify(token, env.JWT_SECRET));
  const open = claims && (await env.SESSION_STORE.get(`session:${claims.sid}`)) === claims.sub;
  if (!open || !(await userOf(claims.sub, env))) return refuse(401, "no valid session");
  return Response.json({ email: claims.sub, expires: claims.exp });
}

function userOf(email, env) {
  return env.SESSION_STORE.get(`user:${email}`, "json");
}

async function isPassword(password, user) {
  return user !== null && user.password === (await derive(password, user.salt));
}

function isText(value) {
  return typeof value === "string" && value.length > 0;
}

function refuse(status, error) {
  return Response.json({ error }, { status });
}

async function derive(password, salt) {
  const key = await crypto.subtle.importKey("raw", encoder.encode(password), "PBKDF2", false, ["deriveBits"]);
  return base64url(await crypto.subtle.deriveBits({ ...PBKDF2, salt: encoder.encode(salt) }, key, 256));
}

async function sign(claims, secret) {
  const text = [{ alg: "HS256", typ: "JWT" }, claims].map((part) => base64url(encoder.encode(JSON.stringify(part))));
  const signed = text.join(".");
  return `${signed}.${base64url(await crypto.subtle.sign("HMAC", await hmac(secret), encoder.encode(signed)))}`;
}

async function verify(token, secret) {
  try {
    const [header, payload, signature] = token.split(".");
    const signed = encoder.encode(`${header}.${payload}`);
    if (!(await crypto.subtle.verify("HMAC", await hmac(secret), bytes(signature), signed))) return null;
    const claims = JSON.parse(new TextDecoder().decode(bytes(payload)));
    return claims.exp > Date.now() / 1000 ? claims : null;
  } catch {
    return null; // not a token of ours at all
  }
}

function hmac(secret) {
  return crypto.subtle.importKey("raw", encoder.encode(secret), { name: "HMAC", hash: "SHA-256" }, false, [
    "sign",
    "verify",
  ]);
}

function base64url(buffer) {
  const text = btoa(String.fromCharCode(...new Uint8Array(buffer)));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function bytes(text) {
  return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));
}
