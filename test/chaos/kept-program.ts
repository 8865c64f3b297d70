/**
 * One program that is kept running, as a service manager does: started, killed, frozen, started again. What ends by
 * itself once it was ready is reported: no fault of its surroundings is a reason for a server to end.
 *
 * K1. Only the process that was started here is ever signalled.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { setTimeout as rest } from "node:timers/promises";
import { threadsOf } from "./running-processes.ts";

export interface KeptProgramOptions {
  readonly name: string;
  /** Arguments of Node. */
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** What it prints goes there. */
  readonly logFile: string;
  /** The text in what it prints that says that it is ready. */
  readonly readyText: string;
}

/** Between the end of a program that could not start (its database is down) and the next try. */
const START_AGAIN_MS = 300;
/** Beyond that it hangs: a busy disk alone may hold up for long what closes its store. */
export const STOP_PATIENCE_MS = 60_000;
const LOG_TAIL = 2_000;

export class KeptProgram {
  readonly name: string;
  /** Ends that nobody caused. */
  readonly ownEnds: string[] = [];
  readonly #options: KeptProgramOptions;
  #child: ChildProcess | null = null;
  #wanted = false;
  #ready = false;
  #killed = false;

  constructor(options: KeptProgramOptions) {
    this.name = options.name;
    this.#options = options;
  }

  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  get isReady(): boolean {
    return this.#ready;
  }

  start(): void {
    if (this.#child !== null) return;
    this.#wanted = true;
    this.#killed = false;
    this.#ready = false;
    const { args, environment, logFile, readyText } = this.#options;
    const log = openSync(logFile, "a");
    const child = spawn(process.execPath, args, { env: environment, stdio: ["ignore", "pipe", log] });
    closeSync(log);
    this.#child = child;
    const killWithUs = (): void => void child.kill("SIGKILL");
    process.once("exit", killWithUs);
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      if (text.includes(readyText)) this.#ready = true;
    });
    child.once("exit", (code, signal) => {
      process.off("exit", killWithUs);
      if (this.#child !== child) return;
      this.#child = null;
      if (this.#killed || !this.#wanted) return;
      if (this.#ready) this.ownEnds.push(`${this.name} ended by itself (${signal ?? code}): ${this.#logTail()}`);
      void rest(START_AGAIN_MS).then(() => this.#wanted && this.start());
    });
  }

  /** SIGKILL; it stays down until it is started again. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    this.#killed = true;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }

  /** SIGKILL, for good. */
  async end(): Promise<void> {
    this.#wanted = false;
    await this.kill();
  }

  freeze(): void {
    this.#child?.kill("SIGSTOP");
  }

  thaw(): void {
    this.#child?.kill("SIGCONT");
  }

  /** SIGTERM. Returns what was wrong with how it ended, or null. */
  async stop(): Promise<string | null> {
    this.#wanted = false;
    const child = this.#child;
    if (child === null) return null;
    const ended = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
    child.kill("SIGTERM");
    const end = await Promise.race([ended, rest(STOP_PATIENCE_MS, null, { ref: false })]);
    if (end === null) {
      const threads = child.pid === undefined ? [] : threadsOf(child.pid);
      await this.kill();
      return `${this.name} did not stop within ${STOP_PATIENCE_MS} ms of SIGTERM (${threads.join("; ")}): ${this.#logTail()}`;
    }
    // It had just been started: nothing of it was there yet that could have been told.
    if (!this.#ready && end[1] === "SIGTERM") return null;
    return end[0] === 0 ? null : `${this.name} ended with ${end[1] ?? end[0]} when it was told to stop: ${this.#logTail()}`;
  }

  #logTail(): string {
    return readFileSync(this.#options.logFile, "utf8").slice(-LOG_TAIL);
  }
}
