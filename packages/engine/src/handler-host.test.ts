import { maskOf, type HandlerEnd, type LiveJob } from "@windlass/kernel";
import { afterEach, describe, expect, test } from "vitest";
import { engineFixture, settled, type EngineFixture } from "./engine-fixture.ts";
import { handlerHost, maskedEnd } from "./handler-host.ts";

const SECRET = "hunter2hunter2";
const mask = maskOf({ secrets: [SECRET], patterns: [] });
const open: EngineFixture[] = [];

afterEach(async () => {
  for (const fixture of open.splice(0)) await fixture.close();
});

/** The host of an attempt whose log is written when `go` is called. */
async function hosted() {
  const fixture = await engineFixture();
  open.push(fixture);
  const { promise, resolve: go } = Promise.withResolvers<void>();
  const logs = {
    ...fixture.logs,
    append: async (...given: Parameters<typeof fixture.logs.append>) => {
      await promise;
      await fixture.logs.append(...given);
    },
  };
  const live = { id: "job_1", token: 1, attempt: 1 } as LiveJob;
  const host = handlerHost({ ...fixture.engine.context, logs }, { live }, mask);
  return { host, go, text: () => fixture.logs.text({ jobId: "job_1", attempt: 1 }) };
}

describe("the log of an attempt", () => {
  test("is closed when what was written is stored, without secrets", async () => {
    const { host, go, text } = await hosted();
    host.log("one");
    host.log(`the password is ${SECRET}`);
    const closed: string[] = [];
    const closing = Promise.resolve(host.closeLog()).then(() => closed.push(text()));
    await settled();
    expect(closed).toEqual([]);
    go();
    await closing;
    expect(text()).toBe("one\nthe password is ***\n");
  });

  test("that has no lines is not waited for", async () => {
    const { host } = await hosted();
    expect(host.closeLog()).toBeUndefined();
  });
});

describe("what an attempt came to is stored without its secrets", () => {
  const endOf = (more: object): HandlerEnd => ({
    type: "settle",
    stopped: false,
    result: { outcome: "succeeded", reason: "ok", message: null, ...more },
  });

  test.each([
    ["message", { message: SECRET }, { message: "***" }],
    ["evidence", { evidence: { stack: SECRET } }, { evidence: { stack: "***" } }],
  ])("in its %s", (_, more, stored) => {
    expect(maskedEnd(endOf(more), mask)).toEqual(endOf(stored));
  });

  test("in its output, where it was given them", () => {
    expect(maskedEnd(endOf({ output: { is: SECRET } }), mask, [SECRET])).toEqual(endOf({ output: { is: "***" } }));
  });

  test("its output is left as it is where the attempt was given none", () => {
    const end = endOf({ output: { is: SECRET } });
    expect(maskedEnd(end, mask)).toEqual(end);
  });
});
