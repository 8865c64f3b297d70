import { WindlassError } from "@windlass/kernel";
import { expect, test } from "vitest";
import type { Format } from "../output/present.ts";
import { plainStyle } from "../output/style.ts";
import type { Call } from "../tree/call.ts";
import { VERSION } from "../version.ts";
import { versionsOf } from "./version.ts";

async function printed(format: Format, error: Error): Promise<string> {
  const out: string[] = [];
  const terminal = { out: (text: string) => void out.push(text), style: plainStyle, columns: 100 };
  const info = () => Promise.reject(error);
  await versionsOf({ format, terminal } as unknown as Call, { client: { system: { info } }, url: "http://server" });
  return out.join("");
}

test.each([
  ["unreachable", "none at http://server"],
  ["unauthorized", "one that does not know this token at http://server"],
  ["forbidden", "one that does not tell (no) at http://server"],
  ["unavailable", "one that does not tell (no) at http://server"],
] as const)("it tells its own version when the server answers %s", async (code, told) => {
  const error = new WindlassError(code, "no");
  const text = await printed("table", error);
  expect(text).toContain(VERSION);
  expect(text).toContain(told);
  expect(JSON.parse(await printed("json", error))).toMatchObject({ version: VERSION, server: null, problem: { code, detail: "no" } });
});
