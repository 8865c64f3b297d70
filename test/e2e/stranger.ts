/**
 * A stranger's folder, terminal and server: real processes of the program, each bounded in time, all ended by their own
 * id when the test is over, with the folder.
 */
import { execFileSync, spawn } from "node:child_process";
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "../architecture/source-files.ts";

const PROGRAM = join(root, "programs", "cli", "bin", "windlass.js");
/** A command that has not ended by then hangs: somewhat less than a test has. */
const COMMAND_MS_MAX = 100_000;
/** Programs that go on until they are told to end, and one that takes long. */
const LASTING: ReadonlySet<string> = new Set(["server", "start", "worker", "spawner", "dispatcher", "k8s-watcher", "conformance"]);

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly pid: number;
  /** What was printed so far. */
  readonly printed: () => string;
  readonly ended: Promise<Ended>;
  kill(signal: NodeJS.Signals): void;
}

export interface Fed extends Running {
  /** All there is; the pipe ends with it. */
  write(text: string): void;
}

export interface Server extends Running {
  readonly url: string;
}

export interface Stranger {
  readonly folder: string;
  write(name: string, text: string | Uint8Array): void;
  read(name: string): string;
  start(args: readonly string[], environment?: Readonly<Record<string, string>>): Running;
  /** The same, with a pipe as its standard input: nobody has written to it yet. */
  startFed(args: readonly string[]): Fed;
  /** Runs a command to its end. */
  windlass(...args: readonly string[]): Promise<Ended>;
  /** A server on a free port; resolves when it answers. */
  server(...args: readonly string[]): Promise<Server>;
  serverWith(environment: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<Server>;
  /** How many programs have not ended. */
  stillRunning(): number;
  /** Ends the servers that run, and whatever else does. */
  stopServers(): Promise<void>;
  leave(): Promise<void>;
}

export function stranger(): Stranger {
  const folder = mkdtempSync(join(tmpdir(), "windlass-e2e-"));
  const running = new Set<Running>();
  const kept = <One extends Running>(one: One): One => {
    running.add(one);
    void one.ended.finally(() => running.delete(one));
    return one;
  };
  const start = (args: readonly string[], environment: Readonly<Record<string, string>> = {}): Running =>
    kept(startIn(folder, args, { environment, stdin: "ignore" }));
  let pipes = 0;
  const startFed = (args: readonly string[]): Fed => {
    // Not one of Node's own making: those are sockets, which programs read in another way.
    const path = join(folder, `pipe-${++pipes}`);
    execFileSync("mkfifo", [path]);
    // Neither end can be opened before the other; both at once can.
    const both = openSync(path, "r+");
    const [end, beginning] = [openSync(path, "r"), openSync(path, "w")];
    const one = kept(startIn(folder, args, { environment: {}, stdin: end }));
    for (const unused of [both, end]) closeSync(unused);
    const write = (text: string): void => {
      writeSync(beginning, text);
      closeSync(beginning);
    };
    return { ...one, write };
  };
  const stopServers = async (): Promise<void> => {
    for (const one of running) one.kill("SIGTERM");
    await Promise.all([...running].map((one) => one.ended));
  };
  const serverWith = async (environment: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<Server> => {
    const one = start(["server", "--port", "0", "--json", ...args], environment);
    return { ...one, url: await addressOf(one) };
  };
  return {
    folder,
    start,
    startFed,
    write: (name, text) => writeFileSync(join(folder, name), text),
    read: (name) => readFileSync(join(folder, name), "utf8"),
    windlass: (...args) => start(args).ended,
    server: (...args) => serverWith({}, ...args),
    serverWith,
    stillRunning: () => running.size,
    stopServers,
    async leave() {
      await stopServers();
      for (const data of readdirSync(folder)) await endSupervisor(join(folder, data));
      rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
    },
  };
}

/** A workflow with one step `work` that runs a script of one line. */
export function workflowOf(name: string, script: string): string {
  return [
    "apiVersion: windlass.dev/v1",
    "kind: Workflow",
    `metadata: {name: ${name}}`,
    "steps:",
    "  - name: work",
    "    tool:",
    "      kind: shell",
    `      script: ${JSON.stringify(script)}`,
    "",
  ].join("\n");
}

/** Resolves when `text` was printed; rejects when the program ends without it. */
export async function until(one: Running, text: string): Promise<void> {
  await untilFound(one, (printed) => (printed.includes(text) ? text : undefined), text);
}

/** What `find` found in what was printed; rejects when the program ends without it. */
async function untilFound(one: Running, find: (printed: string) => string | undefined, what: string): Promise<string> {
  for (;;) {
    const ended = await Promise.race([one.ended, pause()]);
    const found = find(one.printed());
    if (found !== undefined) return found;
    if (ended !== undefined) throw new Error(`it ended with ${ended.code} and did not print "${what}":\n${ended.stdout}\n${ended.stderr}`);
  }
}

interface Start {
  readonly environment: Readonly<Record<string, string>>;
  readonly stdin: "ignore" | number;
}

function startIn(folder: string, args: readonly string[], { environment, stdin }: Start): Running {
  const path = process.env["PATH"] ?? "";
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    cwd: folder,
    env: { PATH: path, HOME: folder, ...environment },
    stdio: [stdin, "pipe", "pipe"],
  });
  const pid = child.pid;
  if (pid === undefined) throw new Error("the program could not be started");
  let [stdout, stderr] = ["", ""];
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const ended = new Promise<Ended>((resolve) => {
    const timer = args.some((arg) => LASTING.has(arg)) ? undefined : setTimeout(() => child.kill("SIGKILL"), COMMAND_MS_MAX);
    child.once("close", (code) => {
      clearTimeout(timer);
      resolve({ code, stdout, stderr });
    });
  });
  return { pid, ended, printed: () => stdout + stderr, kill: (signal) => void child.kill(signal) };
}

/** The address that a server prints, as a whole line, once it answers. Its log says `"url"` and `"store"` too, elsewhere and at another time. */
async function addressOf(one: Running): Promise<string> {
  const line = await untilFound(one, (printed) => /^\{"url".*\}$(?=\n)/mu.exec(printed)?.[0], "its address");
  return (JSON.parse(line) as { url: string }).url;
}

/** The supervisor outlives servers on purpose; here it is to go at once, with what it runs. */
export async function endSupervisor(folder: string): Promise<void> {
  const file = join(folder, "supervisor", "pid");
  if (!existsSync(file)) return;
  const pid = Number.parseInt(readFileSync(file, "utf8"), 10);
  if (!(pid > 1)) return;
  try {
    process.kill(pid, "SIGTERM");
    for (;;) {
      process.kill(pid, 0);
      await pause();
    }
  } catch {
    // It is gone.
  }
}

function pause(): Promise<undefined> {
  return new Promise((resolve) => void setTimeout(() => resolve(undefined), 25));
}
