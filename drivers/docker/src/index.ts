export { dockerExecutor } from "./docker-executor.ts";
export type { DockerExecutorOptions } from "./docker-executor.ts";
export { registryLogin } from "./registry-auth.ts";
export { findEngine, NO_ENGINE } from "./engine-finder.ts";
