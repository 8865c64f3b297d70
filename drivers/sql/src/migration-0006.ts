/** Which trace a job is part of, and since when it could have started: what traces and the figures of waits are made from. */
import type { Dialect } from "./migration.ts";

export function traceMigration({ text, integer }: Dialect): readonly string[] {
  return [`ALTER TABLE jobs ADD COLUMN traceparent ${text}`, `ALTER TABLE jobs_live ADD COLUMN ready_at ${integer}`];
}
