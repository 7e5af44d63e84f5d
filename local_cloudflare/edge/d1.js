// The far end of a D1 binding: queries go to the control plane's database. d1_binding.js is the near end.

import { WorkerEntrypoint } from "cloudflare:workers";

export class D1Storage extends WorkerEntrypoint {
  // Runs [{sql, params}] in one transaction: {results: [{columns, rows, meta}]} or {error}.
  async query(batch) {
    const response = await this.env.CONTROL.fetch(`http://control/internal/d1/${this.ctx.props.database}/query`, {
      method: "POST",
      body: JSON.stringify({ batch }),
    });
    const answer = await response.json();
    return response.ok ? answer : { error: answer.errors[0].message };
  }
}
