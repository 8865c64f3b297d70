/**
 * Lists of one queue that go through no other. It is written once for each job; an index of what waits would be written at a
 * submit and at a claim as well, which costs more than it gives.
 */
export function byQueueMigration(): readonly string[] {
  return ["CREATE INDEX jobs_by_queue ON jobs (workspace, queue, id)"];
}
