/** Whatever the API offers can be done from the command line. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { operationList } from "@windlass/contract";
import { expect, test } from "vitest";

/** Where an operation is called by a name that is put together, or the work is done without the server. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  "jobs.approve": "commands/signal-job.ts",
  "jobs.reject": "commands/signal-job.ts",
  "workflows.validate": "commands/validate-workflows.ts",
};

const source = join(import.meta.dirname, "..");
const commands = readdirSync(join(source, "commands"))
  .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"))
  .map((file) => readFileSync(join(source, "commands", file), "utf8"))
  .concat(readFileSync(join(source, "follow", "watch-answer.ts"), "utf8"));

test.each(operationList.filter(({ internal }) => !internal).map(({ id }) => id))("%s is called by a command", (id) => {
  const elsewhere = ELSEWHERE[id];
  if (elsewhere !== undefined) return expect(readFileSync(join(source, elsewhere), "utf8")).toContain(id.split(".")[1]);
  const [noun = "", verb = ""] = id.split(".");
  const called = new RegExp(String.raw`\b${noun}\.${verb}\b`, "u");
  expect(commands.some((text) => called.test(text))).toBe(true);
});
