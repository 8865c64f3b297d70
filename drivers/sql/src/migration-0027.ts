/** Where the program of a session runs, for people who look for it. */
import type { Dialect } from "./migration.ts";

export function hostsMigration({ text }: Dialect): readonly string[] {
  return [`ALTER TABLE sessions ADD COLUMN host ${text}`];
}
