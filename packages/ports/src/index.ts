export * from "./bus.ts";
export * from "./clock.ts";
export * from "./executor.ts";
export * from "./job-reads.ts";
export * from "./job-store.ts";
export * from "./log-store.ts";
export * from "./logger.ts";
export * from "./stores.ts";
