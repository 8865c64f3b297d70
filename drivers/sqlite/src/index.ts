export { copySqlite, inspectSqlite, settleRestoredSqlite, SCHEMA_NUMBER } from "./backup.ts";
export { openSqliteStore, type SqliteOptions } from "./sqlite-store.ts";
