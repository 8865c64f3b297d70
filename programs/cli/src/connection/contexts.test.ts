import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { contextOf, contextsFile, inContext, readContexts, writeContexts } from "./contexts.ts";

let folder: string;
let environment: Readonly<Record<string, string>>;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "windlass-contexts-"));
  environment = { XDG_CONFIG_HOME: folder };
  writeFileSync(join(folder, "secret"), "wl_prod\n");
  const prod = { server: "https://prod.example.org", tokenFile: join(folder, "secret"), workspace: "acme" };
  writeContexts(environment, { current: "prod", contexts: { prod, test: { server: "http://127.0.0.1:1" } } });
});
afterEach(() => rmSync(folder, { recursive: true }));

const chosen = (options: object, more: object = {}): unknown[] => {
  const found = inContext(options, { ...environment, ...more });
  return ["WINDLASS_URL", "WINDLASS_TOKEN", "WINDLASS_WORKSPACE"].map((name) => found[name]);
};

test("a call is made in the context that is used, with its token and workspace", () => {
  expect(chosen({})).toEqual(["https://prod.example.org", "wl_prod", "acme"]);
  expect(chosen({ context: "test" })).toEqual(["http://127.0.0.1:1", undefined, undefined]);
  expect(chosen({}, { WINDLASS_CONTEXT: "test" })[0]).toBe("http://127.0.0.1:1");
  expect(chosen({ context: "prod" }, { WINDLASS_CONTEXT: "test" })[0]).toBe("https://prod.example.org");
});

test("a server or data folder that a call names takes the place of all of it, a token or workspace of that part", () => {
  expect(chosen({ server: "http://other:1" })).toEqual([undefined, undefined, undefined]);
  expect(chosen({ data: "here" })).toEqual([undefined, undefined, undefined]);
  expect(chosen({}, { WINDLASS_URL: "http://other:1" })).toEqual(["http://other:1", undefined, undefined]);
  expect(chosen({}, { WINDLASS_DATA: "here" })[0]).toBeUndefined();
  expect(chosen({}, { WINDLASS_TOKEN: "wl_env", WINDLASS_WORKSPACE: "other" })).toEqual(["https://prod.example.org", "wl_env", "other"]);
  expect(chosen({ token: "wl_flag" })[1]).toBeUndefined();
  expect(() => chosen({ server: "http://other:1", context: "prod" })).toThrow("both name the server");
});

test("the file is its owner's alone, and one that is spoiled or names what is not there is told", () => {
  expect(statSync(contextsFile(environment)).mode & 0o777).toBe(0o600);
  expect(() => contextOf(readContexts(environment), "prid")).toThrow('there is no context "prid"; did you mean "prod"?');
  rmSync(join(folder, "secret"));
  expect(() => chosen({})).toThrow('the token of the context "prod" cannot be read');
  writeFileSync(contextsFile(environment), "{}");
  expect(() => chosen({})).toThrow("is not what windlass context set writes");
  rmSync(contextsFile(environment));
  expect(chosen({})).toEqual([undefined, undefined, undefined]);
});
