import type { Command } from "commander";
import { expect, test } from "vitest";
import { leavesOf } from "../program.ts";
import { EXAMPLES } from "./examples.ts";
import { quietProgram } from "./program-fixture.ts";
import { pathOf } from "./usage-error.ts";

let printed = "";
const newProgram = (): Command => quietProgram((text) => (printed += String(text)));

test.each(Object.entries(EXAMPLES).flatMap(([path, examples]) => examples.map((example) => [example, path])))(
  "%s is understood",
  (example, path) => {
    const words = [...example.matchAll(/"([^"]*)"|(\S+)/gu)].map(([, quoted, plain]) => quoted ?? plain ?? "").slice(1);
    const command = leavesOf(newProgram()).find((leaf) => pathOf(leaf) === path);
    if (command === undefined) throw new Error(`there is no command ${path}`);
    let done = false;
    command.action(() => {
      done = true;
    });
    let root = command;
    while (root.parent !== null) root = root.parent;
    root.parse(words, { from: "user" });
    expect(done).toBe(true);
  },
);

test("help is there for commands and for topics, and a slip is answered", () => {
  const help = (...words: readonly string[]): string => {
    printed = "";
    newProgram().parse(["help", ...words], { from: "user" });
    return printed;
  };
  expect(help("exit-codes")).toContain("130  interrupted");
  expect(help("jobs", "list")).toMatch(/Usage: windlass jobs list[\s\S]*Examples:\n {2}windlass jobs list/u);
  expect(help()).toContain("Usage: windlass");
  expect(() => help("exitcodes")).toThrow('did you mean "exit-codes"?');
  expect(() => help("jobs", "lst")).toThrow('did you mean "list"?');
});
