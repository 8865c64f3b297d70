import { expect, test } from "vitest";
import { quietLogger } from "@windlass/testkit/fakes";
import { openTracing, type SdkModule } from "./open-tracing.ts";

const ADDRESS = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318" };

test("without an address nothing is loaded", async () => {
  const logger = quietLogger();
  const load = (): Promise<SdkModule> => Promise.reject(new Error("was loaded"));
  expect((await openTracing({ environment: {}, logger, load })).tracing).toBeNull();
  expect(logger.lines).toEqual([]);
});

test("with an address and no SDK the server runs untraced, and says what to install", async () => {
  const logger = quietLogger();
  const opened = await openTracing({ environment: ADDRESS, logger });
  expect(opened.tracing).toBeNull();
  await opened.close();
  expect(JSON.stringify(logger.lines)).toMatch(/OTEL_EXPORTER_OTLP_ENDPOINT is set.*npm install @opentelemetry\/sdk-node/u);
});

test("an SDK that is there is started with a name for this service, and ended", async () => {
  const did: string[] = [];
  class NodeSDK {
    constructor({ serviceName = "" }: { readonly serviceName?: string }) {
      did.push(`made ${serviceName}`);
    }
    start(): void {
      did.push("started");
    }
    async shutdown(): Promise<void> {
      did.push("ended");
    }
  }
  const opened = await openTracing({ environment: ADDRESS, logger: quietLogger(), load: async () => ({ NodeSDK }) });
  // It registered nothing, so there is nothing to trace with.
  expect(opened.tracing).toBeNull();
  await opened.close();
  expect(did).toEqual(["made windlass", "started", "ended"]);
});
