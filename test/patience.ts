/**
 * How long every test waits for what comes at once on a quiet machine. Vitest gives up after a second, in which a process on
 * a busy machine may not even have had its turn; what is looked for again costs nothing where it is there at the first look.
 */
import { expect, vi } from "vitest";

const PATIENCE_MS = 30_000;

interface Waiting {
  readonly timeout?: number;
  readonly interval?: number;
}

const { waitFor, waitUntil } = vi;
const { poll } = expect;
const patient = (options: Waiting | number = {}): Waiting => ({
  timeout: PATIENCE_MS,
  ...(typeof options === "number" ? { timeout: options } : options),
});
vi.waitFor = (callback, options) => waitFor(callback, patient(options));
vi.waitUntil = (callback, options) => waitUntil(callback, patient(options));
expect.poll = (callback, options) => poll(callback, patient(options));
