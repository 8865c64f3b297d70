/**
 * Who traces, if anybody does: the OpenTelemetry SDK that was registered before this program began (`node --import`), or
 * one that is installed beside it and started here because an address for traces is set. Nothing of it is loaded otherwise.
 */
import { messageOf, type Tracing } from "@windlass/kernel";
import type { Logger } from "@windlass/ports";
import type { Environment } from "../machine/environment.ts";

export interface OpenTracing {
  /** Null: nobody traces. */
  readonly tracing: Tracing | null;
  /** Sends what has not been sent. */
  close(): Promise<void>;
}

const NOBODY: OpenTracing = { tracing: null, close: async () => {} };

/** Settings of the standard that say that there is somewhere to send traces to. */
const ADDRESSES = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"] as const;
/** Reads everything else from the settings of the standard. Not a dependency: who traces installs it. */
const SDK = "@opentelemetry/sdk-node";
/** Where the API of OpenTelemetry keeps what was registered, in all its versions 1.x. */
const REGISTRY = Symbol.for("opentelemetry.js.api.1");

export interface SdkModule {
  readonly NodeSDK: new (options: { readonly serviceName?: string }) => { start(): void; shutdown(): Promise<void> };
}

export interface OpenTracingOptions {
  readonly environment: Environment;
  readonly logger: Pick<Logger, "warn">;
  readonly load?: (name: string) => Promise<SdkModule>;
}

export async function openTracing({ environment, logger, load = loadSdk }: OpenTracingOptions): Promise<OpenTracing> {
  if (isRegistered()) return { ...NOBODY, tracing: await registered() };
  const address = ADDRESSES.find((name) => (environment[name] ?? "") !== "");
  if (address === undefined) return NOBODY;
  try {
    const { NodeSDK } = await load(SDK);
    const sdk = new NodeSDK(environment["OTEL_SERVICE_NAME"] === undefined ? { serviceName: "windlass" } : {});
    sdk.start();
    return {
      tracing: await registered(),
      close: () => sdk.shutdown().catch((error: unknown) => logger.warn("the last traces could not be sent", { error: messageOf(error) })),
    };
  } catch (error) {
    // Jobs are worth more than their traces.
    logger.warn(`${address} is set, but nothing is traced: ${SDK} could not be started; install it with "npm install ${SDK}"`, {
      error: messageOf(error),
    });
    return NOBODY;
  }
}

function isRegistered(): boolean {
  const registry = (globalThis as { readonly [REGISTRY]?: { readonly trace?: unknown } })[REGISTRY];
  return registry?.trace !== undefined;
}

async function registered(): Promise<Tracing | null> {
  const { openTelemetryTracing } = await import("@windlass/opentelemetry");
  return openTelemetryTracing();
}

async function loadSdk(name: string): Promise<SdkModule> {
  return (await import(name)) as SdkModule;
}
