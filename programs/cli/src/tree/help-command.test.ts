import { expect, test } from "vitest";
import { TOPICS } from "./help-command.ts";
import { quietProgram } from "./program-fixture.ts";

test("the topic on the environment names each variable that an option has", () => {
  const program = quietProgram();
  const variables = program.options.flatMap(({ description }) => description.match(/WINDLASS_[A-Z]+/gu) ?? []);
  expect(variables.length).toBeGreaterThan(3);
  for (const variable of variables) expect(TOPICS["environment"]?.text).toMatch(new RegExp(String.raw`^${variable} +\S`, "mu"));
});
