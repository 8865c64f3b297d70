/** Whose session it is: only with the token that it was opened with somebody may go on with it. */
import type { Dialect } from "./migration.ts";

export function ownersMigration({ text }: Dialect): readonly string[] {
  return [`ALTER TABLE sessions ADD COLUMN owner ${text}`];
}
