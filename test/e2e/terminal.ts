/** A real terminal: a pseudo-terminal of the program `script`, which Linux systems have; without it tests leave it out and say so. */
import { spawn, spawnSync } from "node:child_process";

const SCRIPT = "script";
export const hasTerminal = process.platform === "linux" && spawnSync(SCRIPT, ["--version"]).error === undefined;
if (!hasTerminal && process.env["CI"] !== "true")
  process.stdout.write("test/e2e: there is no program `script` here, so no terminal is tried\n");

export interface TerminalOf {
  readonly ended: Promise<void>;
  /** All that came so far, with what moves the cursor. */
  readonly shown: () => string;
  type(keys: string): void;
  /** Rejects when it ends without. */
  until(text: string): Promise<void>;
}

/** A command in a terminal of its own, in a folder that is its home as well. */
export function terminalIn(folder: string, command: string): TerminalOf {
  const child = spawn(SCRIPT, ["-q", "-f", "-c", command, "/dev/null"], {
    cwd: folder,
    env: { PATH: process.env["PATH"] ?? "", HOME: folder, TERM: "xterm", SHELL: "/bin/sh" },
    stdio: ["pipe", "pipe", "ignore"],
  });
  let shown = "";
  let look = (): void => {};
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    shown += text;
    look();
  });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  return {
    ended,
    shown: () => shown,
    type: (keys: string) => void child.stdin.write(keys),
    until(text: string): Promise<void> {
      return new Promise((resolve, reject) => {
        look = () => {
          if (shown.includes(text)) resolve();
        };
        void ended.then(() => reject(new Error(`it ended and did not show "${text}":\n${shown}`)));
        look();
      });
    },
  };
}
