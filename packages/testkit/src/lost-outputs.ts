/**
 * Whether the runtime of the test cluster has lost what a container printed. containerd before 1.6.22 and 1.7.2 (that of Debian 12 is
 * 1.6.20) closes the pipe of a container when it hears of its end, read to its end or not (containerd/containerd#8643): on a
 * busy machine the last of it, or all, is gone, the log on the node is empty, and nobody can tell it. A test that compares
 * what containers printed has then found out nothing, and is run again.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { FILES } from "./lab-keeper.ts";
import type { LabAddress } from "./lab.ts";

/** One that could not be started is told so, too. */
const STARTED = /msg="StartContainer for \\"([0-9a-f]+)\\" returns successfully"/gu;
const CLOSED = /msg="Failed to pipe std(?:out|err) of container \\"([0-9a-f]+)\\"" error="reading from a closed fifo"/gu;
/** A second time is a coincidence; a third one is no accident. */
const TIMES_MAX = 2;

/** Runs what compares outputs; once more when it failed and some were lost meanwhile. `address` null: of a cluster that is not ours nobody knows. */
export async function onceMoreAfterLoss(address: LabAddress | null, work: () => Promise<void>): Promise<void> {
  for (let times = 1; ; times++) {
    const before = lostOutputs(address);
    try {
      return await work();
    } catch (error) {
      const lost = lostOutputs(address) - before;
      if (lost === 0 || times > TIMES_MAX) throw error;
      process.stderr.write(`containerd has lost what ${lost} containers printed, and a comparison failed: it is made once more\n`);
    }
  }
}

/** Containers that have begun and were not read to their ends, since the cluster was started. */
export function lostOutputs(address: LabAddress | null): number {
  if (address === null) return 0;
  const folder = join(address.folder, FILES, "log");
  const logs = readdirSync(folder).filter((name) => name.endsWith("-containerd"));
  return logs.reduce((sum, name) => {
    const text = readFileSync(join(folder, name), "utf8");
    const started = new Set(idsIn(text, STARTED));
    return sum + new Set(idsIn(text, CLOSED).filter((id) => started.has(id))).size;
  }, 0);
}

function idsIn(text: string, pattern: RegExp): readonly string[] {
  return [...text.matchAll(pattern)].map(([, id = ""]) => id);
}
