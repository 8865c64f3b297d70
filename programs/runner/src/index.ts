/** Carries the steps of one execution out, in a process or container of its own. */
export { runner, type RunnerOptions } from "./runner.ts";
