import { expect, test } from "vitest";
import { plainStyle } from "../output/style.ts";
import { programOf } from "../program.ts";
import { TOPICS } from "./help-command.ts";

test("the topic on the environment names each variable that an option has", () => {
  const program = programOf(
    {
      terminal: { out: () => {}, err: () => {}, live: false, columns: 80, rows: 24, style: plainStyle, errStyle: plainStyle },
      environment: {},
      typed: [],
      onInterrupt: () => () => {},
    },
    () => {},
  );
  const variables = program.options.flatMap(({ description }) => description.match(/WINDLASS_[A-Z]+/gu) ?? []);
  expect(variables.length).toBeGreaterThan(3);
  for (const variable of variables) expect(TOPICS["environment"]?.text).toMatch(new RegExp(String.raw`^${variable} +\S`, "mu"));
});
