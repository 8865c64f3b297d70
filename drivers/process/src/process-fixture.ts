/** For tests: a data folder of its own, clients of it, and the end of everything that was started there. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LOG_FOLDER, logFilesOf } from "@windlass/ports";
import type { Executor, LaunchRequest, Random, Stream } from "@windlass/ports";
import { pidPath } from "./folder-layout.ts";
import { processExecutor } from "./process-executor.ts";
import type { ProcessExecutorOptions } from "./process-executor.ts";
import { readProcesses } from "./process-table.ts";
import { pause, supervisorClock } from "./supervisor-clock.ts";

export interface ProcessFixture {
  readonly folder: string;
  connect(more?: Partial<ProcessExecutorOptions>): Executor;
  readLog(jobId: string, attempt: number, stream: Stream): Buffer;
  supervisorPid(): number;
  close(): Promise<void>;
}

const clock = supervisorClock();
let launches = 0;
/** Launches are told apart by these bytes, also from those of a test that runs beside this one. */
const random: Random = { next: () => 0.5, bytes: (count) => Buffer.from(`${process.pid}.${++launches}`.padStart(count, "0")) };

export function processFixture(folder = mkdtempSync(join(tmpdir(), "windlass-process-"))): ProcessFixture {
  /** Throws while the file is being written: what is read of it then is no pid, and 0 would be the group of the tests. */
  const supervisorPid = (): number => {
    const [, pid] = /^([1-9]\d*)\n$/u.exec(readFileSync(pidPath(folder), "utf8")) ?? [];
    if (pid === undefined) throw new Error("the supervisor has not written its pid yet");
    return Number(pid);
  };
  return {
    folder,
    connect: (more) =>
      processExecutor({
        ...{
          folder,
          runningMax: 16,
          logBytesMax: 100_000_000,
          environment: { PATH: "/usr/bin:/bin", HOME: "/tmp", SECRET: "x" },
          clock,
          random,
        },
        supervisorIdleMs: 300,
        ...more,
      }),
    readLog: (jobId, attempt, stream) => {
      const path = join(folder, LOG_FOLDER, logFilesOf({ jobId, attempt })[stream]);
      return existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
    },
    supervisorPid,
    close: async () => {
      // Also those that found the folder taken and are about to leave.
      for (let own = supervisorsOf(folder); own.length > 0; own = supervisorsOf(folder)) {
        for (const pid of own) {
          for (const child of readProcesses().filter((it) => it.parent === pid)) killQuietly(-child.pid);
          killQuietly(pid);
        }
        await pause(clock, 5);
      }
      // One that was killed just now may still be making a file.
      rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
    },
  };
}

/** By their command line, in which their folder is the only one of its name. */
function supervisorsOf(folder: string): number[] {
  return readProcesses().flatMap(({ pid, state }) => {
    const commandLine = state === "Z" ? "" : commandLineOf(pid);
    return commandLine.includes("supervisor") && commandLine.includes(folder) && pid !== process.pid ? [pid] : [];
  });
}

function commandLineOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1");
  } catch {
    // Gone since the table was read, whosever it was.
    return "";
  }
}

export function killQuietly(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

/** A program of its own group that launches and then stays, to be killed. */
export function fixtureProgram(folder: string, request: LaunchRequest): ChildProcess {
  const module = JSON.stringify(new URL("process-fixture.ts", import.meta.url).href);
  const code = `const { processFixture } = await import(${module});
    const executor = processFixture(${JSON.stringify(folder)}).connect();
    await executor.start(() => {});
    await executor.launch(${JSON.stringify(request)});
    setInterval(() => {}, 1000);`;
  return spawn(process.execPath, ["--input-type=module", "-e", code], { stdio: "ignore", detached: true });
}
