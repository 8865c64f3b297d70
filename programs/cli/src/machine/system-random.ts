/** Chance of this machine: fit for secrets, and for jitter. */
import { hash, randomBytes } from "node:crypto";
import type { Random, Sha256 } from "@windlass/ports";

export const systemRandom: Random = {
  next: () => Math.random(),
  bytes: (count) => new Uint8Array(randomBytes(count)),
};

export const sha256: Sha256 = (text) => hash("sha256", text, "hex");
