/**
 * The executor's side of the socket: finds the supervisor of a data folder or starts it, asks, and hears facts.
 *
 * K1. Losing the connection fails what was asked, and nothing else: asking again is always right (X1, X3).
 * K2. `close` waits for no answer, also not for that of a supervisor that is just being found: it may be frozen, or slow.
 */
import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { ERRORS, WindlassError } from "@windlass/kernel";
import type { ErrorCode } from "@windlass/kernel";
import type { Clock, EndedFact } from "@windlass/ports";
import { cacheFolder, socketPath, supervisorFolder, supervisorLogPath } from "./folder-layout.ts";
import { encodeLine, lineSplitter, PROTOCOL_VERSION } from "./protocol.ts";
import type { Message, OperationName, Operations, Question } from "./protocol.ts";
import type { SupervisorOptions } from "./supervisor.ts";

export interface LinkOptions {
  readonly supervisor: SupervisorOptions;
  readonly environment: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly onEnded: (fact: EndedFact) => void;
  /** The connection was lost, not by `close`. */
  readonly onLost: () => void;
}

interface Pending {
  readonly socket: Socket;
  readonly op: OperationName;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** A supervisor that starts reads the attempts of its folder first. */
const CONNECT_MS = 20_000;
const CONNECT_AGAIN_MS = 20;
const START_AGAIN_MS = 2_000;
const ANSWER_MS = 30_000;
/** The longest path of a Unix socket that every system takes, with its final NUL. */
const SOCKET_PATH_MAX = 104;
/** It holds logs and tables, no data: a small heap also makes starting processes cheap. */
const NODE_FLAGS = ["--disable-warning=ExperimentalWarning", "--max-old-space-size=192", "--max-semi-space-size=2"];

export class SupervisorLink {
  readonly #options: LinkOptions;
  readonly #pending = new Map<number, Pending>();
  #socket: Socket | null = null;
  #connecting: Promise<Socket> | null = null;
  /** The one over which it is being found. */
  #opening: Socket | null = null;
  #lastId = 0;
  #closed = false;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  /** Throws `executor_failed` when no answer comes. */
  async ask<N extends OperationName>(op: N, ask: Operations[N]["ask"]): Promise<Operations[N]["answer"]> {
    return this.#askOn(await this.connect(), op, ask);
  }

  /** Starts the supervisor where none answers. */
  async connect(): Promise<Socket> {
    if (this.#closed) throw new WindlassError("shutting_down", "the process executor was closed");
    if (this.#socket !== null) return this.#socket;
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = null;
    });
    return this.#connecting;
  }

  /** Ends the connection; the supervisor stays. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#opening?.destroy();
    await this.#connecting?.catch(() => null);
    const socket = this.#socket;
    if (socket === null) return;
    await new Promise<void>((resolve) => {
      socket.once("close", () => resolve());
      socket.destroy();
    });
  }

  async #connect(): Promise<Socket> {
    const { clock, supervisor } = this.#options;
    const until = clock.monotonic() + CONNECT_MS;
    let startedAt = Number.NEGATIVE_INFINITY;
    for (;;) {
      const attempt = await this.#tryConnect().catch((error: Error) => error);
      if (!(attempt instanceof Error)) return attempt;
      if (attempt instanceof WindlassError && attempt.code !== "executor_failed") throw attempt;
      if (this.#closed || clock.monotonic() > until) {
        throw new WindlassError(
          "executor_failed",
          `the supervisor of ${supervisor.folder} does not answer; ${supervisorLogPath(supervisor.folder)} may say why`,
          { cause: attempt },
        );
      }
      if (clock.monotonic() - startedAt > START_AGAIN_MS) {
        startSupervisor(supervisor, this.#options.environment);
        startedAt = clock.monotonic();
      }
      await new Promise<void>((resolve) => void clock.after(CONNECT_AGAIN_MS, resolve));
    }
  }

  async #tryConnect(): Promise<Socket> {
    const socket = await openSocket(this.#options.supervisor.folder);
    this.#opening = socket;
    if (this.#closed) socket.destroy();
    socket.on(
      "data",
      lineSplitter((line) => this.#hear(JSON.parse(line) as Message)),
    );
    socket.on("error", () => socket.destroy());
    socket.once("close", () => this.#onClose(socket));
    try {
      const { version } = await this.#askOn(socket, "hello", { version: PROTOCOL_VERSION });
      if (version !== PROTOCOL_VERSION) {
        throw new WindlassError(
          "executor_failed",
          `the supervisor of ${this.#options.supervisor.folder} speaks version ${version} of its protocol, this program ${PROTOCOL_VERSION}; let its processes end and try again`,
        );
      }
    } catch (error) {
      socket.destroy();
      throw error;
    } finally {
      this.#opening = null;
    }
    this.#socket = socket;
    return socket;
  }

  async #askOn<N extends OperationName>(socket: Socket, op: N, ask: Operations[N]["ask"]): Promise<Operations[N]["answer"]> {
    const id = ++this.#lastId;
    const question = { id, op, ask } as Question;
    if (socket.destroyed) throw lost(op);
    if (socket.writableCorked === 0) {
      socket.cork();
      queueMicrotask(() => socket.uncork());
    }
    let cancel = (): void => {};
    try {
      return await new Promise((resolve, reject) => {
        this.#pending.set(id, { socket, op, resolve: resolve as Pending["resolve"], reject });
        cancel = this.#options.clock.after(ANSWER_MS, () =>
          reject(new WindlassError("executor_failed", `the supervisor did not answer \`${op}\` in ${ANSWER_MS / 1000} s`)),
        );
        socket.write(encodeLine(question));
      });
    } finally {
      cancel();
      this.#pending.delete(id);
    }
  }

  #hear(message: Message): void {
    if ("ended" in message) return this.#options.onEnded(message.ended);
    const pending = this.#pending.get(message.id);
    if (pending === undefined) return;
    if ("answer" in message) return pending.resolve(message.answer);
    const code: ErrorCode = message.code !== null && Object.hasOwn(ERRORS, message.code) ? (message.code as ErrorCode) : "executor_failed";
    pending.reject(new WindlassError(code, message.error));
  }

  #onClose(socket: Socket): void {
    for (const pending of this.#pending.values()) if (pending.socket === socket) pending.reject(lost(pending.op));
    if (this.#socket !== socket) return;
    this.#socket = null;
    if (!this.#closed) this.#options.onLost();
  }
}

function lost(op: OperationName): WindlassError {
  return new WindlassError("executor_failed", `the supervisor was lost while it was asked to \`${op}\`; ask again`);
}

/** A path that is too long for a socket is shortened through the folder's own file descriptor. */
async function openSocket(folder: string): Promise<Socket> {
  const path = socketPath(folder);
  const handle = Buffer.byteLength(path) < SOCKET_PATH_MAX ? null : openSync(dirname(path), "r");
  try {
    return await new Promise<Socket>((resolve, reject) => {
      const socket = connect(handle === null ? path : `/proc/self/fd/${handle}/socket`);
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        resolve(socket);
      });
    });
  } finally {
    if (handle !== null) closeSync(handle);
  }
}

function startSupervisor(options: SupervisorOptions, environment: Readonly<Record<string, string>>): void {
  mkdirSync(supervisorFolder(options.folder), { recursive: true, mode: 0o700 });
  const log = openSync(supervisorLogPath(options.folder), "a", 0o600);
  try {
    const program = fileURLToPath(new URL("supervisor.ts", import.meta.url));
    const args = [...NODE_FLAGS, program, JSON.stringify(options)];
    const child = spawn(process.execPath, args, {
      detached: true,
      stdio: ["ignore", log, log],
      cwd: options.folder,
      env: { ...environment, NODE_COMPILE_CACHE: cacheFolder(options.folder) },
    });
    // Its failure shows in its log, and in that nobody answers.
    child.on("error", () => {});
    child.unref();
  } finally {
    closeSync(log);
  }
}
