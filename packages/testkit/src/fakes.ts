/** What tests hand in instead of time, chance and disks. Needs no test runner, so programs may use it too. */
export * from "./clock-heartbeats.ts";
export * from "./fake-clock.ts";
export * from "./memory-logs.ts";
export * from "./memory-notices.ts";
export * from "./quiet-logger.ts";
export * from "./real-clock.ts";
export * from "./seeded-random.ts";
