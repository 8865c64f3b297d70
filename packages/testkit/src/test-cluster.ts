/**
 * The cluster for test files: one for the whole project `cluster`, started by test/cluster/set-up.ts. Without one, files are
 * skipped, and the set-up has said why; in CI it has failed.
 */
import { inject } from "vitest";
import { BUSYBOX_IMAGE } from "./lab-image.ts";
import { runLab, type LabAddress, type ProvidedCluster } from "./lab.ts";
import { onceMoreAfterLoss, type Comparison } from "./lost-outputs.ts";

declare module "vitest" {
  interface ProvidedContext {
    cluster: ProvidedCluster | null;
  }
}

export interface TestCluster {
  /** For `describe.skipIf`. */
  readonly missing: boolean;
  /** The path of a kubeconfig that may do anything. */
  readonly kubeconfig: string;
  /** An image that is there, or can be pulled: busybox. */
  readonly image: string;
  /** False for a cluster that is not ours, whose nodes are left alone: for `test.skipIf`. */
  readonly mayFailNodes: boolean;
  /** Compares what containers printed; once more when that failed and the runtime has lost some of it meanwhile (lost-outputs.ts). */
  onceMoreAfterLoss<T>(comparison: Comparison<T>): Promise<void>;
  /** Of the cluster that was started here. */
  address(): LabAddress;
  /** Runs the test cluster's program: `stop-node node-2`, `start-node node-2`, `load IMAGE.tar`, `kubectl …`. */
  lab(...args: readonly string[]): Promise<string>;
}

export function testCluster(): TestCluster {
  const provided = inject("cluster") ?? null;
  const there = (): ProvidedCluster => {
    if (provided === null) throw new Error("there is no cluster for tests");
    return provided;
  };
  const address = (): LabAddress => {
    const { address: own } = there();
    if (own === null) throw new Error("the programs of a cluster that is not ours are left alone");
    return own;
  };
  return {
    missing: provided === null,
    get kubeconfig() {
      return there().kubeconfig;
    },
    image: BUSYBOX_IMAGE,
    mayFailNodes: (provided?.address ?? null) !== null,
    onceMoreAfterLoss: (comparison) => onceMoreAfterLoss(there().address, comparison),
    address,
    lab: (...args) => runLab(address(), ...args),
  };
}
