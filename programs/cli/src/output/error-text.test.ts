import { ERRORS, errorCodes, WindlassError, type ErrorCode } from "@windlass/kernel";
import { expect, test } from "vitest";
import { errorObject, errorText, exitCodeOf } from "./error-text.ts";
import { plainStyle } from "./style.ts";

const faults = [
  { path: "steps[0].tool", message: 'unknown key "scrpt"', line: 4, column: 7 },
  { path: "input.name", message: "the input name is missing" },
];

test("faults are told once, each with its place", () => {
  const error = new WindlassError("invalid", 'the file is wrong: steps[0].tool: unknown key "scrpt"; the input name is missing', {
    faults,
    details: { file: "a.yaml" },
  });
  expect(errorText(error, plainStyle)).toBe(
    'error: the file is wrong\n  a.yaml:4:7 steps[0].tool: unknown key "scrpt"\n  a.yaml input.name: the input name is missing\n',
  );
});

test("the place of a fault is told with the fault only, and a fault that is the whole message not again", () => {
  const error = new WindlassError("invalid", 'the workflow has 2 faults: line 4, column 7: steps[0].tool: unknown key "scrpt"; …', {
    faults,
  });
  expect(errorText(error, plainStyle)).toMatch(/^error: the workflow has 2 faults\n {2}line 4:7 /u);
  const message = "timeoutSeconds is 0; it must be greater than 0";
  const single = new WindlassError("invalid", message, { faults: [{ path: "timeoutSeconds", message }] });
  expect(errorText(single, plainStyle)).toBe(`error: ${message}\n`);
});

test("who has the wrong token is told which server was asked", () => {
  const error = new WindlassError("unauthorized", "the token is not known to this server", {
    details: { server: "http://127.0.0.1:4180" },
  });
  expect(errorText(error, plainStyle)).toMatch(
    /^error: the token is not known to this server\nhttp:\/\/127\.0\.0\.1:4180 was asked\. The token /u,
  );
});

test("a message cannot move the cursor", () => {
  expect(errorText(new WindlassError("usage", "bad \u001B[2J name\nsecond line"), plainStyle)).toBe("error: bad  [2J name\nsecond line\n");
});

test("exit codes come from the table of errors; what nobody foresaw is told as a bug", () => {
  expect(exitCodeOf(new WindlassError("not_found", ""))).toBe(3);
  expect(exitCodeOf(new WindlassError("unreachable", ""))).toBe(5);
  expect(exitCodeOf(new TypeError("x"))).toBe(5);
  expect(errorText(new TypeError("x is undefined"), plainStyle)).toContain("this is a bug in Windlass: x is undefined");
  expect(errorObject(new WindlassError("invalid", "no", { faults }))).toMatchObject({ code: "invalid", status: 422, detail: "no", faults });
});

/** The classes that the help names, by HTTP status; what this machine refuses has a status that says nothing. */
const EXIT_OF_STATUS: Readonly<Record<number, number>> = {
  400: 2,
  401: 4,
  403: 4,
  404: 3,
  405: 2,
  409: 4,
  410: 3,
  412: 4,
  413: 2,
  422: 2,
  428: 4,
};
const EXIT_OTHERWISE: Partial<Record<ErrorCode, number>> = {
  too_many_jobs: 4,
  data_folder_unusable: 4,
  port_in_use: 4,
  schema_newer: 4,
  secret_key_missing: 4,
  store_unsupported: 2,
  tool_missing: 4,
};

test.each(errorCodes)("%s has the exit code of its class", (code) => {
  const { status } = ERRORS[code];
  expect(exitCodeOf(new WindlassError(code, ""))).toBe(EXIT_OTHERWISE[code] ?? EXIT_OF_STATUS[status] ?? 5);
});
