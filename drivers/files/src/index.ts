export { fileLogStore } from "./file-log-store.ts";
export type { FileLogStoreOptions } from "./file-log-store.ts";
