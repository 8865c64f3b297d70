/**
 * Whether the runtime of the test cluster has lost what a container printed. containerd before 1.6.22 and 1.7.2 (that of Debian 12 is
 * 1.6.20) closes the pipe of a container when it hears of its end, read to its end or not (containerd/containerd#8643): on a
 * busy machine the last of it, or all, is gone, the log on the node is empty, and nobody can tell it. A test that compares
 * what containers printed has then found out nothing, and is run again.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "@windlass/kernel";
import { FILES } from "./lab-keeper.ts";
import type { LabAddress } from "./lab.ts";

const SANDBOX = /msg="RunPodSandbox for &PodSandboxMetadata\{[^}]*?Namespace:([^,}]+),[^}]*\} returns sandbox id \\"([0-9a-f]+)\\""/gu;
const CREATED =
  /msg="CreateContainer within sandbox \\"([0-9a-f]+)\\" for &ContainerMetadata\{[^}]*\} returns container id \\"([0-9a-f]+)\\""/gu;
/** One that could not be started is told so, too. */
const STARTED = /msg="StartContainer for \\"([0-9a-f]+)\\" returns successfully"/gu;
const CLOSED = /msg="Failed to pipe std(?:out|err) of container \\"([0-9a-f]+)\\"" error="reading from a closed fifo"/gu;

export interface Comparison<T> {
  /** Only what containers in it printed counts. */
  readonly namespace: string;
  /** What fails here has failed. */
  readonly run: () => Promise<T>;
  /** Throws when it is not what was expected. */
  readonly compare: (result: T) => void;
}

/**
 * Runs what is compared, and compares it; both once more, and not twice, when the comparison failed and outputs of the namespace were
 * lost meanwhile. `address` null: of a cluster that is not ours nobody knows.
 */
export async function onceMoreAfterLoss<T>(address: LabAddress | null, { namespace, run, compare }: Comparison<T>): Promise<void> {
  const before = lostOutputs(address, namespace);
  const result = await run();
  try {
    return compare(result);
  } catch (error) {
    // The log of a node that was started anew begins anew: what it has lost before is counted no more.
    const lost = lostOutputs(address, namespace) - before;
    if (!isFailedComparison(error) || lost <= 0) throw error;
    const what = `containerd has lost what ${lost} containers of ${namespace} printed, and a comparison failed; it is made once more`;
    process.stderr.write(`${what}:\n${messageOf(error)}\n`);
  }
  compare(await run());
}

/** Containers of the namespace that have begun and were not read to their ends, since their nodes were started. */
export function lostOutputs(address: LabAddress | null, namespace: string): number {
  if (address === null) return 0;
  const folder = join(address.folder, FILES, "log");
  const logs = readdirSync(folder).filter((name) => name.endsWith("-containerd"));
  return logs.reduce((sum, name) => {
    const text = readFileSync(join(folder, name), "utf8");
    const sandboxes = new Set(namesIn(text, SANDBOX).flatMap(([of, id]) => (of === namespace ? [id] : [])));
    const created = new Set(namesIn(text, CREATED).flatMap(([sandbox, id]) => (sandboxes.has(sandbox) ? [id] : [])));
    const started = new Set(namesIn(text, STARTED).map(([id]) => id));
    const closed = new Set(namesIn(text, CLOSED).map(([id]) => id));
    return sum + closed.intersection(started).intersection(created).size;
  }, 0);
}

/** By its name: the test runner's own and Node's have no class in common. */
function isFailedComparison(error: unknown): boolean {
  return error instanceof Error && error.name === "AssertionError";
}

function namesIn(text: string, pattern: RegExp): readonly (readonly string[])[] {
  return [...text.matchAll(pattern)].map(([, ...names]) => names);
}
