/** From the words in which a cluster or a container engine says why, to the table of reasons. Pure. */
import { REASONS, type Outcome, type Reason } from "@windlass/kernel";

/** What Kubernetes says, in its own words. */
const WORDS: Readonly<Record<string, Reason>> = {
  Unschedulable: "unschedulable",
  SchedulingGated: "unschedulable",
  ErrImagePull: "image_not_pulled",
  ImagePullBackOff: "image_not_pulled",
  InvalidImageName: "image_not_pulled",
  ErrImageNeverPull: "image_not_pulled",
  ImageInspectError: "image_not_pulled",
  RegistryUnavailable: "image_not_pulled",
  OOMKilled: "memory_limit",
  DeadlineExceeded: "job_deadline",
  NodeLost: "node_lost",
  NodeShutdown: "node_lost",
  Preempting: "node_lost",
  Evicted: "node_lost",
  DisruptionTarget: "node_lost",
  CreateContainerConfigError: "bad_spec",
  CreateContainerError: "bad_spec",
  RunContainerError: "command_not_found",
  StartError: "command_not_found",
  ContainerCannotRun: "command_not_found",
  QuotaExceeded: "quota_exceeded",
  FailedAdmission: "admission_refused",
};

/** What is meant when only the state was told. */
const USUAL: Readonly<Record<string, Reason>> = {
  succeeded: "ok",
  failed_image_pull: "image_not_pulled",
  failed_oom: "memory_limit",
  failed_node_lost: "node_lost",
  failed_timeout: "job_deadline",
  failed_config: "bad_spec",
  cancelled: "job_deleted_outside",
};

/** Null: neither one of ours nor one that is known. */
export function reasonOfWord(word: string | null): Reason | null {
  if (word === null) return null;
  if (Object.hasOwn(REASONS, word)) return word as Reason;
  return Object.hasOwn(WORDS, word) ? (WORDS[word] ?? null) : null;
}

export function reasonOfEnd(
  state: Outcome,
  { word, exitCode }: { readonly word: string | null; readonly exitCode: number | null },
): Reason {
  const told = reasonOfWord(word);
  if (told !== null && told !== "ok") return told;
  return USUAL[state] ?? (exitCode === null || exitCode === 0 ? "failed_outside" : "exit_code");
}
