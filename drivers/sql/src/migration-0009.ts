/** Lists of everything in a workspace, newest first, without sorting all of it. */
export function listsMigration(): readonly string[] {
  return [
    "CREATE INDEX jobs_by_workspace ON jobs (workspace, id)",
    "CREATE INDEX dead_letters_by_workspace ON dead_letters (workspace, job_id)",
  ];
}
