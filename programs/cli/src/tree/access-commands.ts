/** `workspaces …`, `token …`, `roles …`, `audit …` */
import type { Command } from "commander";
import type { Performing } from "../program.ts";
import { duration, several, time, whole } from "./option-values.ts";

const LIST_MAX = 500;

export function addAccessCommands(program: Command, perform: Performing): void {
  addWorkspaces(program, perform);
  addTokens(program, perform);
  addRoles(program, perform);
  addAudit(program, perform);
}

function addWorkspaces(program: Command, perform: Performing): void {
  const workspaces = program.command("workspaces").description("what keeps teams apart: each has jobs, workflows and queues of its own");
  workspaces
    .command("list")
    .description("the workspaces that your token may use")
    .action(perform(async () => (await import("../commands/workspaces.ts")).listWorkspaces));
  workspaces
    .command("create")
    .description("make a workspace; name it in other commands with --workspace")
    .argument("<name>", "lower-case letters, digits and -")
    .action(perform(async () => (await import("../commands/workspaces.ts")).createWorkspace));
  workspaces
    .command("delete")
    .description("delete a workspace in which nothing is")
    .argument("<name>", "its name")
    .action(perform(async () => (await import("../commands/workspaces.ts")).deleteWorkspace));
}

function addTokens(program: Command, perform: Performing): void {
  const tokens = program.command("token").alias("tokens").description("who may do what: tokens for people and programs");
  tokens
    .command("create")
    .description("make a token and print its secret, this once")
    .argument("<name>", "what it is for: lower-case letters, digits and -")
    .option("--role <role,…>", "what it may do, by roles (windlass roles list)", several)
    .option("--permission <permission,…>", "what it may do, by single permissions", several)
    .option("--workspaces <workspace,…>", "where it may do that; the workspace of this call when left out", several)
    .option("--all-workspaces", "in all workspaces, also those that are made later")
    .option("--expires-in <duration>", "how long it is good, for example 30d; without end when left out", duration)
    .action(perform(async () => (await import("../commands/tokens.ts")).createToken));
  tokens
    .command("list")
    .description("tokens, oldest first; never their secrets")
    .option("--all", "also those that have expired or were revoked")
    .action(perform(async () => (await import("../commands/tokens.ts")).listTokens));
  tokens
    .command("revoke")
    .description("make a token open nothing any more")
    .argument("<token>", "its id or its name")
    .action(perform(async () => (await import("../commands/tokens.ts")).revokeToken));
}

function addRoles(program: Command, perform: Performing): void {
  const roles = program.command("roles").description("sets of permissions that tokens are given");
  roles
    .command("list")
    .description("roles and what they may do; -o wide adds what each permission means")
    .action(perform(async () => (await import("../commands/roles.ts")).listRoles));
  roles
    .command("create")
    .description("make a role, with no more than your token may do")
    .argument("<name>", "lower-case letters, digits and -")
    .requiredOption("--permission <permission,…>", "what it may do, for example jobs:read,jobs:cancel", several)
    .action(perform(async () => (await import("../commands/roles.ts")).createRole));
  roles
    .command("delete")
    .description("delete a role that no token has")
    .argument("<name>", "its name")
    .action(perform(async () => (await import("../commands/roles.ts")).deleteRole));
}

function addAudit(program: Command, perform: Performing): void {
  program
    .command("audit")
    .description("who changed what, and who was refused")
    .command("list")
    .description("entries, newest first; only of one workspace with --workspace")
    .option("--actor <actor>", "id or name of the token")
    .option("--operation <operation>", "for example jobs.cancel")
    .option("--object <id>", "id or name of what it was about")
    .option("--outcome <code>", "ok, or why it was refused, for example forbidden")
    .option("--since <time>", "not older than this", time)
    .option("--until <time>", "older than this", time)
    .option("-n, --limit <count>", "how many at most (50)", whole(1, LIST_MAX))
    .option("--cursor <cursor>", "continue behind an earlier list")
    .action(perform(async () => (await import("../commands/list-audit.ts")).listAudit));
}
