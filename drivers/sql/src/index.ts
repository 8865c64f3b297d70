export {
  accessStatements,
  auditIdAt,
  auditQueries,
  auditTable,
  demandPresent,
  listing,
  mergeAudit,
  namedBy,
  rolesTable,
  rowsOfWorkspace,
  tokensTable,
  workspacesTable,
} from "./access-tables.ts";
export { askedQueues } from "./asked-queues.ts";
export { alreadyThere } from "./already-there.ts";
export { answersTable, answerStatements, keptValues, keyValues } from "./answers-table.ts";
export { countQueries } from "./count-jobs.ts";
export { listQueries, mergeLists, mergeTallies, tallyQueries, type ListQuery, type Placeholder, type Query } from "./list-jobs.ts";
export { candidatesOf, Turns, type Candidates, type Probe } from "./candidates.ts";
export { fittingClaim } from "./claim-bytes.ts";
export { disabledStatements, disabledTable, nameValues } from "./disabled-table.ts";
export { deadLetterQuery, deadLetterStatements } from "./dead-letter-query.ts";
export { attemptOfEnd, endedAttemptSql, endOf, endsTable } from "./job-end.ts";
export { feedPlaceStatements } from "./feed-places.ts";
export { idOfRecord, KnownRecords } from "./known-records.ts";
export { liveQuery } from "./live-filter.ts";
export {
  FEED_MARK,
  migrations,
  migrationsAfter,
  tableNames,
  postgresDialect,
  sqliteDialect,
  type Dialect,
  type Migration,
} from "./migration.ts";
export { POSITIONS, POSITIONS_OF_BLOCK } from "./migration-0025.ts";
export { changedQueue, demandQueue, queueViews, type QueueCount } from "./queue-figures.ts";
export { nextVersion } from "./next-version.ts";
export {
  changeValues,
  findSecretsQuery,
  idValues,
  otherwiseValues,
  resealValues,
  sealedTable,
  secretQuery,
  secretStatements,
  secretsTable,
} from "./secrets-table.ts";
export {
  cursorsTable,
  cursorValues,
  decodeMarks,
  decodeSchedule,
  DUE_START,
  MARKS,
  MOVING,
  occurrenceQuery,
  occurrencesTable,
  removedRow,
  runningIn,
  scheduleQuery,
  schedulesTable,
  scheduleStatements,
  scheduleValues,
  settleValues,
} from "./schedule-tables.ts";
export { joinSignals, noSignals } from "./signals.ts";
export { storeFull } from "./store-full.ts";
export { RUNNERS_ALIVE, waitingCount, waitingQuery } from "./waiting-counts.ts";
export { unstorable } from "./unstorable.ts";
export { differOf, tableOf, type AlikeRows, type Column, type Kind, type SqlValue, type Table } from "./table.ts";
export {
  attemptsTable,
  deadLettersTable,
  decodeView,
  definitionsTable,
  eventsTable,
  jobsTable,
  LEAD_AHEAD_MS_MAX,
  liveChangingColumns,
  liveTable,
  placesTable,
  queuesTable,
  sessionsTable,
  viewColumns,
  viewTables,
} from "./tables.ts";
export { deliveriesTable, deliveryQuery, sentValues, webhooksTable, webhookStatements, webhookValues } from "./webhook-tables.ts";
export { TIDIED_MAX, tidyFrom, tidyNext } from "./tidy-walk.ts";
