/** Chance of this machine: fit for secrets, and for jitter. */
import { createHash, randomBytes } from "node:crypto";
import type { Random, Sha256 } from "@windlass/ports";

export const systemRandom: Random = {
  next: () => Math.random(),
  bytes: (count) => new Uint8Array(randomBytes(count)),
};

export const sha256: Sha256 = (text) => createHash("sha256").update(text, "utf8").digest("hex");
