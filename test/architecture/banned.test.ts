import { expect, test } from "vitest";
import { BANNED, EXCEPTIONS, type Exception } from "./banned.ts";
import { bannedUses } from "./banned-use.ts";
import { parse, productFiles } from "./source-files.ts";

const files = productFiles();
const uses = files.flatMap((file) => bannedUses(file.program).map((use) => ({ file, ...use })));
const covers = (exception: Exception, path: string): boolean =>
  exception.path.endsWith("/") ? path.startsWith(exception.path) : path === exception.path;

test("product files are seen", () => {
  expect(files.length).toBeGreaterThan(40);
});

test("clocks, timers, random numbers, the environment and the console are used only where that is the task", () => {
  const faults = uses.filter(({ file, banned }) => !EXCEPTIONS.some((one) => one.may.includes(banned) && covers(one, file.path)));
  expect(faults.map(({ file, banned, offset }) => `${file.path}:${lineOf(file.text, offset)} ${BANNED[banned]}`)).toEqual([]);
});

test("every exception is needed and says why", () => {
  const idle = EXCEPTIONS.flatMap((one) =>
    one.may
      .filter((banned) => !uses.some((use) => use.banned === banned && covers(one, use.file.path)))
      .map((banned) => `${one.path} ${banned}`),
  );
  expect(idle).toEqual([]);
  expect(EXCEPTIONS.filter((one) => one.because.length < 10)).toEqual([]);
});

test.each([
  ["Date.now()", "clock"],
  ["const clock = { now: Date.now }", "clock"],
  ["new Date()", "clock"],
  ["globalThis.Date.now()", "clock"],
  ["performance.now()", "clock"],
  ["setTimeout(() => {}, 1)", "timer"],
  ["globalThis.setInterval(() => {}, 1)", "timer"],
  ["AbortSignal.timeout(5)", "timer"],
  ['import { setTimeout as sleep } from "node:timers/promises"', "timer"],
  ["Math.random()", "random"],
  ["crypto.randomUUID()", "random"],
  ['import { randomBytes } from "node:crypto"; randomBytes(8)', "random"],
  ["process.env.HOME", "environment"],
  ["const { env } = process.env", "environment"],
  ['import { env } from "node:process"', "environment"],
  ["console.log(1)", "console"],
])("%s is seen", (code, banned) => {
  expect(bannedUses(parse("a.ts", code).program).map((use) => use.banned)).toContain(banned);
});

test.each([
  "new Date(0)",
  "clock.now()",
  "socket.setTimeout(5)",
  "Date.parse(text)",
  "(randomBytes) => randomBytes(8)",
  "// Date.now()",
  "const text = 'process.env'",
])("%s is fine", (code) => {
  expect(bannedUses(parse("a.ts", code).program)).toEqual([]);
});

function lineOf(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}
