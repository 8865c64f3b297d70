/** Chance of this machine: fit for secrets, and for jitter. */
import { hash, randomFillSync } from "node:crypto";
import type { Random, Sha256 } from "@windlass/ports";

/** Drawn at once, as a draw costs as much for ten bytes as for a thousand; ids take ten. */
const pool = new Uint8Array(4_096);
let used = pool.length;

export const systemRandom: Random = {
  next: () => Math.random(),
  bytes(count) {
    if (count > pool.length) return randomFillSync(new Uint8Array(count));
    if (used + count > pool.length) {
      randomFillSync(pool);
      used = 0;
    }
    const bytes = pool.slice(used, used + count);
    // Nobody gets them again, and what was a secret does not stay here.
    pool.fill(0, used, (used += count));
    return bytes;
  },
};

export const sha256: Sha256 = (text) => hash("sha256", text, "hex");
