/** What a runner is told by its environment, or everything that is wrong with it. Pure. */
import { executionQueueOf, isId, isJsonObject, type Json } from "@windlass/kernel";

export interface Surroundings {
  readonly workflowId: string;
  readonly executionId: string;
  /** The queue in which the steps of the execution wait. */
  readonly queue: string;
  readonly url: string;
  readonly token: string;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** All faults at once: whoever starts a runner by hand mends them in one go. No value of a secret is in any. */
export function surroundingsOf(environment: Environment): Surroundings | { readonly faults: readonly string[] } {
  const faults: string[] = [];
  const read = (name: string, isGood: (value: string) => boolean, wanted: string): string => {
    const value = environment[name] ?? "";
    if (value === "") faults.push(`${name} is missing: ${wanted}`);
    else if (!isGood(value)) faults.push(`${name} is not as it must be: ${wanted}`);
    return value;
  };
  const workflowId = read("WORKFLOW_ID", () => true, "which version of a workflow it is");
  const executionId = read("EXECUTION_ID", (value) => isId("job", value), "the id of the execution, such as job_01…");
  read("WORKFLOW_INPUT", isObject, "the inputs of the execution, a JSON object");
  const url = read("WINDLASS_URL", isAddress, "the address of the server, such as http://127.0.0.1:4180");
  const token = read("WINDLASS_TOKEN", (value) => !/\s/u.test(value), "the token of this runner");
  return faults.length > 0 ? { faults } : { workflowId, executionId, queue: executionQueueOf(executionId), url, token };
}

function isObject(text: string): boolean {
  try {
    return isJsonObject(JSON.parse(text) as Json);
  } catch {
    return false;
  }
}

function isAddress(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && (url.protocol === "http:" || url.protocol === "https:");
}
