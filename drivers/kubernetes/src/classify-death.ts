/** From how the containers of a pod ended to why. Pure. */
import { EXIT_KILLED, formatBytes, parseBytes, signalName, signalOfExitCode, type Reason } from "@windlass/kernel";
import { endOf, type ContainerFact, type EventFact, type PodFact, type Terminated } from "./facts.ts";

/** How one container ended, as far as it decides about its pod. */
export interface Death {
  readonly container: ContainerFact;
  readonly end: Terminated;
}

/** The container that says most about why the pod failed: what ran before the others, then the first to fail. */
export function decisiveDeath(pod: PodFact): Death | null {
  const deaths = pod.containers.flatMap((container): readonly Death[] => {
    const end = endOf(container);
    return end === null ? [] : [{ container, end }];
  });
  const bad = deaths.filter(({ end }) => end.exitCode !== 0).toSorted(byWeight);
  return bad[0] ?? deaths.find(({ container }) => container.sort === "main") ?? null;
}

const WEIGHT = { init: 0, main: 1, sidecar: 2 } as const;

function byWeight(a: Death, b: Death): number {
  return (
    WEIGHT[a.container.sort] - WEIGHT[b.container.sort] ||
    (a.end.finishedAt ?? 0) - (b.end.finishedAt ?? 0) ||
    (a.container.name < b.container.name ? -1 : 1)
  );
}

export function signalOf({ exitCode, signal }: Terminated): string | null {
  return signal === null ? signalOfExitCode(exitCode) : signalName(signal);
}

/** The container that was killed for memory, if that is what made the pod fail. */
export function killedForMemory(pod: PodFact, events: readonly EventFact[]): ContainerFact | null {
  const killed = pod.containers.find((container) => {
    const end = endOf(container);
    if (end?.reason === "OOMKilled") return true;
    // It was seen before, and what is said now does not deny it.
    return container.wasKilledForMemory && (end === null || end.exitCode === EXIT_KILLED || container.state.is !== "terminated");
  });
  if (killed !== undefined) return killed;
  const isTold = events.some(({ reason, name }) => (reason === "OOMKilling" || reason === "OOMKilled") && name === pod.name);
  return isTold ? (pod.containers.find((container) => endOf(container)?.exitCode === EXIT_KILLED) ?? null) : null;
}

/** Its program could not be started: of an end that is none. */
export function failedStart(pod: PodFact): Death | null {
  for (const container of pod.containers) {
    const end = endOf(container);
    if (end !== null && (end.reason === "StartError" || end.reason === "ContainerCannotRun")) return { container, end };
  }
  return null;
}

export function reasonOfStartError(message: string): Reason {
  if (/chdir|\bcwd\b|mkdir .*not a directory|working directory|workdir/iu.test(message)) return "bad_working_dir";
  if (/executable file not found|no such file or directory|permission denied|exec format error|not a directory/iu.test(message))
    return "command_not_found";
  return "bad_spec";
}

/** Why a pod failed that ended by itself. */
export function reasonOfDeath({ container, end }: Death): { readonly reason: Reason; readonly message: string } {
  const where = container.sort === "main" ? "" : ` of the ${container.sort === "init" ? "init container" : "sidecar"} ${container.name}`;
  const signal = signalOf(end);
  const limit = container.memoryLimit === null ? "the memory there was" : `its limit of ${memoryOf(container.memoryLimit)}`;
  if (end.exitCode === EXIT_KILLED)
    return { reason: "maybe_oom", message: `killed by SIGKILL${where}, maybe for needing more memory than ${limit}` };
  if (signal !== null) return { reason: "signal", message: `ended by signal ${signal}${where}, which Windlass did not send` };
  return { reason: "exit_code", message: `exit code ${end.exitCode}${where}` };
}

export function memoryMessage({ name, sort, memoryLimit }: ContainerFact): string {
  const whose = sort === "main" ? "" : ` (the ${sort === "init" ? "init container" : "sidecar"} ${name})`;
  return memoryLimit === null
    ? `needed more memory than there was${whose}`
    : `needed more memory than its limit of ${memoryOf(memoryLimit)}${whose}`;
}

/** As people write it: our own Jobs say it in bytes. */
function memoryOf(limit: string): string {
  const bytes = parseBytes(limit);
  return bytes === undefined ? limit : formatBytes(bytes);
}
