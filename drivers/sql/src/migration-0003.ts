/**
 * What a claim and an end write, made less: live jobs that are queued are in the index of those who claim and not in the
 * one by state, and one index finds what is held, by queue and session.
 */
export function slimmerMigration(): readonly string[] {
  return [
    "DROP INDEX live_session",
    "DROP INDEX live_held",
    "CREATE INDEX live_held ON jobs_live (queue, session) WHERE holder <> 'none'",
    "DROP INDEX live_state",
    "CREATE INDEX live_state ON jobs_live (state, id) WHERE state <> 'queued'",
  ];
}
