/** How many processes this machine starts and ends in a second: `/bin/true` with pipes, 16 at once, from one program of Node, and nothing stored. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Entrant } from "../row.ts";

const COUNT = { full: 500, quick: 20 } as const;
const AT_ONCE = 16;

export const spawns: Entrant = {
  name: "ceiling: processes without a queue",
  missing: () => null,
  async measure(scale) {
    let left = COUNT[scale];
    const from = performance.now();
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        // In a group of its own, as an attempt is.
        while (left-- > 0) await once(spawn("/bin/true", [], { stdio: ["ignore", "pipe", "pipe"], detached: true }), "close");
      }),
    );
    return { "": COUNT[scale] / ((performance.now() - from) / 1_000) };
  },
};
