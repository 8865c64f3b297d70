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
export const EXCEPTIONS: readonly Exception[] = [
  {
    path: "drivers/process/src/supervisor-clock.ts",
    may: ["clock", "timer"],
    because: "the clock of the supervisor, a process of its own that keeps time limits while nobody hands it one",
  },
  {
    path: "programs/cli/bin/windlass.js",
    may: ["environment"],
    because: "hands the environment over to the Node of the project, with a mark by which the other side knows its launcher",
  },
  {
    path: "programs/cli/src/machine/",
    may: ["clock", "timer", "random", "environment"],
    because: "where this machine's clock, chance and environment are turned into what is handed to everything else",
  },
  {
    path: "drivers/sqlite/src/writer-thread.ts",
    may: ["clock", "timer"],
    because: "a thread has no clock handed in; nothing is decided by it but when to flush, and when its event loop has its turn",
  },
  {
    path: "drivers/sqlite/src/timely-intake.ts",
    may: ["timer"],
    because:
      "runs in the writer thread, which has no clock handed in; nothing is decided by it but when rows are moved that nobody has asked for",
  },
  {
    path: "drivers/sqlite/src/idle-growth.ts",
    may: ["timer"],
    because: "runs in the writer thread, which has no clock handed in; nothing is decided by it but when the log grows while nobody waits",
  },
  {
    path: "drivers/sqlite/src/thread-beats.ts",
    may: ["clock", "timer"],
    because: "runs in the writer thread, so that sessions are kept alive by real time while the event loop is busy",
  },
  {
    path: "drivers/postgres/src/heartbeat-thread.ts",
    may: ["clock", "timer"],
    because: "a thread of its own, so that sessions are kept alive by real time while the event loop is busy",
  },
  {
    path: "packages/sdk/src/worker-machine.ts",
    may: ["clock", "timer", "random"],
    because: "a worker runs in other people's programs, where nobody hands it a clock or chance; here it finds its own",
  },
  {
    path: "packages/sdk/src/pause.ts",
    may: ["timer", "random"],
    because: "the client runs in other people's programs, where nobody hands it a clock or chance: rests, limits and keys of calls",
  },
];
