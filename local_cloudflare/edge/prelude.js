// Runs inside each loaded Worker before its own code and finishes its `env`.

import { env } from "cloudflare:workers";
import { D1Database } from "local-cloudflare:d1";

const text = new TextEncoder();

// A cache that never hits, as caches are on workers.dev. workerd would throw without one.
const emptyCache = { match: async () => undefined, put: async () => undefined, delete: async () => false };
Object.defineProperty(globalThis, "caches", { value: { default: emptyCache, open: async () => emptyCache } });

function install(instructions) {
  for (const [name, { kind, space, type }] of Object.entries(instructions)) {
    if (kind === "objects") env[name] = new ObjectNamespace(env[name], space);
    else if (kind === "d1") env[name] = new D1Database(env[name]);
    else env[name] = unavailable(name, type);
  }
}

function unavailable(name, type) {
  const refuse = (_, property) => {
    if (typeof property === "symbol" || property === "then" || property === "toJSON") return undefined;
    throw new Error(`the binding ${name} (${type}) is not available in the local Cloudflare`);
  };
  return new Proxy({}, { get: refuse });
}

class ObjectNamespace {
  #stub;
  #space;

  constructor(stub, space) {
    this.#stub = stub;
    this.#space = space;
  }

  idFromName(name) {
    return new ObjectId(seal(sha256(text.encode(`name/${this.#space}/${name}`))), String(name));
  }

  newUniqueId() {
    return new ObjectId(seal(sha256(text.encode(`unique/${this.#space}/${crypto.randomUUID()}`))));
  }

  idFromString(hex) {
    if (!/^[0-9a-f]{64}$/.test(hex)) throw new TypeError("Invalid Durable Object ID: must be 64 hex digits");
    const base = Uint8Array.from({ length: 16 }, (_, index) => parseInt(hex.slice(2 * index, 2 * index + 2), 16));
    if (seal(base) !== hex) throw new TypeError("Durable Object ID is not valid for this namespace.");
    return new ObjectId(hex);
  }

  get(id) {
    const stub = this.#stub;
    const hex = id.toString();
    const fetch = (input, init) => {
      const request = new Request(input, init);
      request.headers.set("x-local-object", hex);
      return stub.fetch(request);
    };
    return new Proxy(
      { id, name: id.name, fetch },
      {
        get(target, property) {
          if (property in target || property === "then" || typeof property === "symbol") return target[property];
          return (...args) => stub.call(hex, property, args);
        },
      },
    );
  }

  getByName(name) {
    return this.get(this.idFromName(name));
  }

  jurisdiction() {
    return this;
  }
}

class ObjectId {
  #hex;

  constructor(hex, name) {
    this.#hex = hex;
    this.name = name;
  }

  toString() {
    return this.#hex;
  }

  equals(other) {
    return this.#hex === other.toString();
  }
}

// Ids must be known synchronously, and workerd accepts only its own: 16 bytes and the start of their HMAC
// under the hash of the namespace's uniqueKey (edge.capnp).
function seal(bytes) {
  const base = bytes.slice(0, 16);
  return hex(base) + hex(hmac(sha256(text.encode("local-cloudflare")), base).slice(0, 16));
}

function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function hmac(key, message) {
  const block = new Uint8Array(64);
  block.set(key);
  const inner = sha256(concat(block.map((byte) => byte ^ 0x36), message));
  return sha256(concat(block.map((byte) => byte ^ 0x5c), inner));
}

function concat(one, other) {
  const joined = new Uint8Array(one.length + other.length);
  joined.set(one);
  joined.set(other, one.length);
  return joined;
}

// FIPS 180-4. WebCrypto would be asynchronous.
function sha256(message) {
  const length = message.length;
  const padded = new Uint8Array((length + 72) & ~63);
  padded.set(message);
  padded[length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, Math.floor(length / 0x20000000));
  view.setUint32(padded.length - 4, length << 3);
  const state = fractions(8, 1 / 2);
  const constants = fractions(64, 1 / 3);
  const words = new Uint32Array(64);
  const turn = (value, count) => (value >>> count) | (value << (32 - count));
  for (let offset = 0; offset < padded.length; offset += 64) {
    for (let i = 0; i < 64; i++) {
      if (i < 16) {
        words[i] = view.getUint32(offset + 4 * i);
        continue;
      }
      const before = words[i - 15];
      const last = words[i - 2];
      const small0 = turn(before, 7) ^ turn(before, 18) ^ (before >>> 3);
      const small1 = turn(last, 17) ^ turn(last, 19) ^ (last >>> 10);
      words[i] = words[i - 16] + small0 + words[i - 7] + small1;
    }
    let [a, b, c, d, e, f, g, h] = state;
    for (let i = 0; i < 64; i++) {
      const big1 = turn(e, 6) ^ turn(e, 11) ^ turn(e, 25);
      const one = (h + big1 + ((e & f) ^ (~e & g)) + constants[i] + words[i]) | 0;
      const big0 = turn(a, 2) ^ turn(a, 13) ^ turn(a, 22);
      const two = (big0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      [a, b, c, d, e, f, g, h] = [(one + two) | 0, a, b, c, (d + one) | 0, e, f, g];
    }
    [a, b, c, d, e, f, g, h].forEach((value, index) => (state[index] += value));
  }
  const digest = new DataView(new ArrayBuffer(32));
  state.forEach((value, index) => digest.setUint32(4 * index, value));
  return new Uint8Array(digest.buffer);
}

// The first 32 bits of the fractional parts of roots of the first primes, as the standard defines them.
function fractions(count, power) {
  const found = [];
  for (let candidate = 2; found.length < count; candidate++) {
    if (!found.some((prime) => candidate % prime === 0)) found.push(candidate);
  }
  return Uint32Array.from(found, (prime) => (prime ** power % 1) * 2 ** 32);
}
