/** `windlass top` in a real terminal. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { root } from "../architecture/source-files.ts";
import { stranger, until, type Server, type Stranger } from "./stranger.ts";
import { hasTerminal, terminalIn } from "./terminal.ts";

const program = join(root, "programs", "cli", "bin", "windlass.js");
const LEFT_AS_IT_WAS = "\u001B[?25h\u001B[?1049l";
const INTERRUPTED = 130;
let me: Stranger;
let server: Server;

beforeAll(async () => {
  me = stranger();
  server = await me.server();
  await me.windlass("queues", "resume", "mail");
  await me.windlass("jobs", "submit", "--name", "long-one", "--", "sh", "-c", "echo begun; exec sleep 600");
  const begun = me.start(["logs", "-f", "last"]);
  await until(begun, "begun");
  begun.kill("SIGINT");
  await begun.ended;
});

afterAll(async () => {
  await me.windlass("cancel", "last", "--wait", "--grace", "0");
  server.kill("SIGTERM");
  await server.ended;
  await me.leave();
});

test("in a pipe it is told once, with --json as an object", async () => {
  const { code, stdout } = await me.windlass("top");
  expect([code, stdout.includes("\u001B")]).toEqual([0, false]);
  for (const word of ["rates  started", "mail", "long-one"]) expect(stdout).toContain(word);
  const object: unknown = JSON.parse((await me.windlass("top", "--once", "--json")).stdout);
  expect(object).toMatchObject({
    queues: [{ name: "default" }, { name: "mail" }],
    running: [{ name: "long-one" }],
    system: { store: "sqlite" },
  });
});

describe.skipIf(!hasTerminal)("in a terminal", () => {
  test("it follows keys, and the terminal is as it was at the end", async () => {
    const screen = terminalIn(me.folder, `"${process.execPath}" "${program}" top; echo "code $?"; stty -a`);
    await screen.until("long-one");
    expect(screen.shown()).toContain("by queued");
    screen.type("\u001B[C");
    await screen.until("by running");
    screen.type("p");
    await screen.until("paused");
    // Together, as over a slow line.
    screen.type("\u001B[C\u001B[C");
    await screen.until("by name");
    screen.type("pq");
    await screen.ended;
    const after = screen.shown().split(LEFT_AS_IT_WAS);
    expect(after).toHaveLength(2);
    expect(after[1]).toContain("code 0");
    expect(after[1]).toMatch(/[^-]icanon/u);
    expect(after[1]).toMatch(/[^-]echo /u);
  });

  test.each(["SIGTERM", "Ctrl-C"])("%s leaves it as it was too, and says how to come back", async (how) => {
    const screen = terminalIn(me.folder, `sh -c 'echo "pid $$ "; exec "${process.execPath}" "${program}" top'; echo "code $?"; stty -a`);
    await screen.until("long-one");
    const pid = Number(/pid (\d+)/u.exec(screen.shown())?.[1]);
    if (how === "SIGTERM") process.kill(pid, "SIGTERM");
    else screen.type("\u0003");
    await screen.ended;
    const after = screen.shown().split(LEFT_AS_IT_WAS)[1] ?? "";
    expect(after).toContain("Come back with: windlass top");
    expect(after).toContain(`code ${INTERRUPTED}`);
    expect(after).toMatch(/[^-]icanon/u);
  });
});
