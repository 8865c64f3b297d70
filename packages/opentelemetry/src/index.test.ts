import { expect, test } from "vitest";
import { activeTraceparent, openTelemetryTracing } from "./index.ts";

test("where no SDK is registered there is no tracing, so that nothing is made for it", () => {
  expect(openTelemetryTracing()).toBeNull();
  expect(activeTraceparent()).toBeNull();
});
