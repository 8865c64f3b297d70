/**
 * The cluster of the project `cluster`: one that is there (WINDLASS_TEST_KUBECONFIG, or KUBECONFIG), else one that is started
 * on this machine and ended after the last test.
 */
import { findLab, startLab, type ProvidedCluster } from "@windlass/testkit/lab";

interface Project {
  provide(key: "cluster", value: ProvidedCluster | null): void;
}

let stop = async (): Promise<void> => {};

export async function setup(project: Project): Promise<void> {
  const { WINDLASS_TEST_KUBECONFIG: named = "", KUBECONFIG: usual = "", CI } = process.env;
  const kubeconfig = named === "" ? usual : named;
  if (kubeconfig !== "") {
    project.provide("cluster", { kubeconfig, address: null });
    return;
  }
  const found = findLab(process.env);
  if (typeof found === "string") {
    if (CI === "true") throw new Error(found);
    process.stderr.write(`skipped: ${found}\n`);
    project.provide("cluster", null);
    return;
  }
  if (found.lab === null) process.stderr.write("building the test cluster, once; this takes minutes\n");
  const lab = await startLab(found);
  project.provide("cluster", { kubeconfig: lab.address.kubeconfig, address: lab.address });
  stop = () => lab.stop();
}

export async function teardown(): Promise<void> {
  await stop();
}
