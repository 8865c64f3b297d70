/**
 * What may be used only where it is somebody's task: clocks, timers, random numbers, the environment, the console.
 * Everything else gets time, chance and settings handed in, so that it can be tested from one seed.
 */
export const BANNED = {
  clock: "Date.now(), new Date() without arguments, performance.now(), process.hrtime()",
  timer: "setTimeout, setInterval, setImmediate, AbortSignal.timeout(), node:timers",
  random: "Math.random(), and random bytes, numbers and UUIDs of node:crypto or the Web Crypto API",
  environment: "process.env",
  console: "console",
} as const;

export type Banned = keyof typeof BANNED;

export interface Exception {
  /** A path, or the beginning of one if it ends with `/`. */
  readonly path: string;
  readonly may: readonly Banned[];
  readonly because: string;
}

/** Each needs a reason, and each must be needed: one that no file uses any more fails the test. */
const SUPERVISOR = "part of the supervisor, a process of its own that keeps time limits while nobody hands it a clock";

export const EXCEPTIONS: readonly Exception[] = [
  { path: "drivers/process/src/attempt-table.ts", may: ["clock"], because: SUPERVISOR },
  { path: "drivers/process/src/memory-watch.ts", may: ["timer"], because: SUPERVISOR },
  { path: "drivers/process/src/stragglers.ts", may: ["timer"], because: SUPERVISOR },
  { path: "drivers/process/src/supervised-attempt.ts", may: ["clock", "timer"], because: SUPERVISOR },
  { path: "drivers/process/src/supervisor-door.ts", may: ["timer"], because: SUPERVISOR },
  { path: "drivers/process/src/supervisor.ts", may: ["clock", "timer"], because: SUPERVISOR },
  {
    path: "drivers/sqlite/src/thread-beats.ts",
    may: ["clock", "timer"],
    because: "runs in the writer thread, so that sessions are kept alive by real time while the event loop is busy",
  },
];
