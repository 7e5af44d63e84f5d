// The D1 client API (D1 docs, worker-api) inside a loaded Worker. Preparing and binding are synchronous, so
// this cannot be a stub of the router's; errors keep their `cause`, which RPC would drop.

export class D1Database {
  #storage;

  constructor(storage) {
    this.#storage = storage;
  }

  prepare(sql) {
    return new Statement(this.#storage, String(sql), []);
  }

  // One transaction: all or none.
  async batch(statements) {
    return (await send(this.#storage, statements.map(bodyOf))).map(objects);
  }

  // One statement or more per line, each line for itself, until one fails.
  async exec(script) {
    const lines = script.trim().split("\n");
    let duration = 0;
    for (const [index, sql] of lines.entries()) {
      const { results, error } = await this.#storage.query([{ sql }]);
      if (error !== undefined) throw failure("D1_EXEC_ERROR", `Error in line ${index + 1}: ${sql}: ${error}`);
      for (const { meta } of results) duration += meta.duration;
    }
    return { count: lines.length, duration };
  }

  // There are no replicas, so every session sees everything; a bookmark of it is not known here.
  withSession() {
    return { prepare: (sql) => this.prepare(sql), batch: (statements) => this.batch(statements), getBookmark: () => null };
  }
}

class Statement {
  #storage;
  #sql;
  #params;

  constructor(storage, sql, params) {
    this.#storage = storage;
    this.#sql = sql;
    this.#params = params;
    bodies.set(this, { sql, params });
  }

  bind(...values) {
    return new Statement(this.#storage, this.#sql, values.map(parameter));
  }

  async all() {
    return objects(await this.#send());
  }

  async run() {
    return this.all();
  }

  async first(column) {
    const row = (await this.all()).results[0];
    if (row === undefined) return null;
    if (column === undefined) return row;
    if (row[column] === undefined) throw failure("D1_COLUMN_NOTFOUND", `Column not found (${column})`, "Column not found");
    return row[column];
  }

  async raw({ columnNames = false } = {}) {
    const { columns, rows } = await this.#send();
    return columnNames ? [columns, ...rows] : rows;
  }

  async #send() {
    return (await send(this.#storage, [{ sql: this.#sql, params: this.#params }])).at(-1);
  }
}

const bodies = new WeakMap();

function bodyOf(statement) {
  const body = bodies.get(statement);
  if (!body) throw new TypeError("batch() takes an array of prepared statements");
  return body;
}

async function send(storage, batch) {
  const { results, error } = await storage.query(batch);
  if (error !== undefined) throw failure("D1_ERROR", error);
  return results;
}

function failure(kind, message, cause = message) {
  return new Error(`${kind}: ${message}`, { cause: new Error(cause) });
}

function objects({ columns, rows, meta }) {
  const results = rows.map((row) => Object.fromEntries(row.map((cell, index) => [columns[index], cell])));
  return { success: true, meta, results };
}

function parameter(value) {
  if (value === null || typeof value === "number" || typeof value === "string") return value;
  if (typeof value === "boolean") return value ? 1 : 0;
  if (Array.isArray(value) && value.every((byte) => typeof byte === "number" && byte >= 0 && byte < 256)) return value;
  if (value instanceof ArrayBuffer) return Array.from(new Uint8Array(value));
  if (ArrayBuffer.isView(value)) return Array.from(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
  throw failure("D1_TYPE_ERROR", `Type '${typeof value}' not supported for value '${value}'`);
}
