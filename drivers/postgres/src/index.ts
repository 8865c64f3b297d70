export { dumpPostgres } from "./backup.ts";
export { openPostgresBus, type PostgresBusOptions } from "./postgres-bus.ts";
export { openPostgresStore, type PostgresOptions } from "./postgres-store.ts";
export { probePostgres, type Probed } from "./probe-postgres.ts";
export { forgetRestore, isRestored, restorePostgres } from "./restore.ts";
