/** `workflows …` */
import type { Command } from "commander";
import type { Performing } from "../program.ts";

export function addWorkflowCommands(program: Command, perform: Performing): void {
  const workflows = program.command("workflows").description("files with steps: check, store, list");
  workflows
    .command("apply")
    .description("store workflows under their names; a file that changed makes a new version")
    .argument("<file...>", "files; - reads standard input")
    .action(perform(async () => (await import("../commands/workflows.ts")).applyWorkflows));
  workflows
    .command("validate")
    .description("say everything that is wrong with a file, with line and column; needs no server")
    .argument("<file...>", "files; - reads standard input")
    .action(perform(async () => (await import("../commands/validate-workflows.ts")).validateWorkflows));
  workflows
    .command("list")
    .description("the newest version of each workflow")
    .action(perform(async () => (await import("../commands/workflows.ts")).listWorkflows));
  workflows
    .command("get")
    .description("one workflow, as it was applied")
    .argument("<name>", "its name, or name@version")
    .action(perform(async () => (await import("../commands/workflows.ts")).getWorkflow));
  workflows
    .command("versions")
    .description("the versions of a workflow, newest first")
    .argument("<name>", "its name")
    .action(perform(async () => (await import("../commands/workflows.ts")).listVersions));
  workflows
    .command("diff")
    .description("what differs between two versions, or between a file and what is stored under its name")
    .argument("<file|name>", "a file; or a name: its newest version beside the one before; or name@version")
    .argument("[file|name]", "a file, a name or name@version to compare with")
    .action(perform(async () => (await import("../commands/diff-workflow.ts")).diffWorkflow));
  workflows
    .command("disable")
    .description("take nothing new of a workflow: what has not begun is cancelled, what has begun goes on, its schedules skip")
    .argument("<name>", "its name")
    .option("--reason <text>", "why, for whoever meets it")
    .action(perform(async () => (await import("../commands/workflows.ts")).disableWorkflow));
  workflows
    .command("enable")
    .description("let a workflow be run again, from now on")
    .argument("<name>", "its name")
    .action(perform(async () => (await import("../commands/workflows.ts")).enableWorkflow));
  workflows
    .command("delete")
    .description("remove a workflow with all its versions; executions stay as they are")
    .argument("<name>", "its name")
    .action(perform(async () => (await import("../commands/workflows.ts")).deleteWorkflow));
}
