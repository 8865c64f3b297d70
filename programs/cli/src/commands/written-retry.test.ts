import { expect, test } from "vitest";
import { writtenRetry } from "./written-retry.ts";

test("retries alone are after what most people mean; all of a policy can be said", () => {
  expect(writtenRetry({})).toBeUndefined();
  expect(writtenRetry({ retries: 2 })).toEqual({ limit: 2, on: ["failed", "failed_oom", "failed_timeout", "failed_node_lost"] });
  expect(
    writtenRetry({
      retries: 5,
      retryOn: ["failed", "failed_config"],
      backoff: 500,
      backoffFactor: 1.5,
      backoffMax: 60_000,
      backoffJitter: 0,
    }),
  ).toEqual({
    limit: 5,
    on: ["failed", "failed_config"],
    backoff: { initialSeconds: 0.5, factor: 1.5, maxSeconds: 60, jitter: 0 },
  });
});

test.each([
  [{ retryOn: ["failed"] }, "--retries COUNT"],
  [{ backoffMax: 1 }, "--retries COUNT"],
  [{ retries: 1, retryOn: ["failed_tiemout"] }, 'did you mean "failed_timeout"?'],
  [{ retries: 1, retryOn: ["cancelled"] }, 'there is no failure "cancelled"'],
])("%j is refused as usage", (options, said) => {
  expect(() => writtenRetry(options)).toThrow(expect.objectContaining({ code: "usage", message: expect.stringContaining(said) }));
});
