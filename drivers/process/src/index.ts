export { processExecutor } from "./process-executor.ts";
export type { ProcessExecutorOptions } from "./process-executor.ts";
export { resultOfEnd, resultOfSpawnFailure } from "./attempt-ending.ts";
export { commandOf, faultsOfProcessSpec } from "./process-spec.ts";
export type { ProcessSpec } from "./process-spec.ts";
