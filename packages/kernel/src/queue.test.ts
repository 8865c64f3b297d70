import fc from "fast-check";
import { expect, test } from "vitest";
import { QUEUE_NAME, queueKeyOf, queueOfKey } from "./queue.ts";

const queue = fc.record({
  workspace: fc.oneof(fc.constant("default"), fc.stringMatching(/^[a-z][a-z0-9-]{0,62}$/u)),
  name: fc.stringMatching(QUEUE_NAME),
});

test("the key of a queue in default is its name; elsewhere the workspace stands before it", () => {
  expect(queueKeyOf("default", "mail")).toBe("mail");
  expect(queueKeyOf("acme", "mail")).toBe("acme:mail");
});

test("a key leads back to its workspace and name, so no two queues share one", () => {
  fc.assert(
    fc.property(queue, ({ workspace, name }) => {
      expect(queueOfKey(queueKeyOf(workspace, name))).toEqual({ workspace, name });
    }),
  );
});
