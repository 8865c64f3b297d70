/** `workers …`, `events …`, `settings …`: what a server is at. */
import { eventTypes } from "@windlass/kernel";
import type { Command } from "commander";
import type { Performing } from "../program.ts";
import { several, whole } from "./option-values.ts";

const PAGE_MAX = 1_000;

export function addInspectCommands(program: Command, perform: Performing): void {
  const workers = program.command("workers").description("who carries jobs out now");
  workers
    .command("list")
    .description("workers, launchers and servers that are connected, and what they serve")
    .action(perform(async () => (await import("../commands/workers.ts")).listWorkers));
  workers
    .command("get")
    .description("one of them, with the jobs that it holds")
    .argument("<id>", "its id")
    .action(perform(async () => (await import("../commands/workers.ts")).getWorker));
  program
    .command("events")
    .description("what happened to jobs, in order")
    .command("list")
    .description("a page of the events of all jobs, oldest first; with --watch those that come")
    .option("--type <type,…>", `only these, for example ${eventTypes[0]}`, several)
    .option("--after <position>", "go on behind an earlier page: its next")
    .option("-n, --limit <count>", `how many, at most ${PAGE_MAX} (100)`, whole(1, PAGE_MAX))
    .option("-w, --watch", "each as it comes, until Ctrl-C: those from now on, or from --after on")
    .action(perform(async () => (await import("../commands/list-events.ts")).listEvents));
  program
    .command("settings")
    .description("what the server works with")
    .command("list")
    .description("each setting, its value, and where that comes from")
    .action(perform(async () => (await import("../commands/list-settings.ts")).listSettings));
}
