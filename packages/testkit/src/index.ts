export * from "./log-store-contract.ts";
export * from "./clock-heartbeats.ts";
export * from "./fake-clock.ts";
export * from "./memory-logs.ts";
export * from "./quiet-logger.ts";
export * from "./seeded-random.ts";
