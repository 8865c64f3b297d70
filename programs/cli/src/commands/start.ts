/** `npm start`: a server in this folder, the examples applied, one of them run to its end, and what to do next. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { hasCode, WindlassError, type Settings } from "@windlass/kernel";
import { client, type Client } from "@windlass/sdk";
import { ownFolder } from "../compose/own-folder.ts";
import { settingsFrom } from "../compose/settings.ts";
import { dataFolderOf } from "../connection/connect.ts";
import { followJob } from "../follow/follow-job.ts";
import { closeInTime, endInTime } from "../machine/end-in-time.ts";
import { interruption } from "../machine/interruption.ts";
import { programLog } from "../machine/program-log.ts";
import { now } from "../output/api-object.ts";
import { endOf } from "../output/job-lines.ts";
import type { Call } from "../tree/call.ts";

const EXAMPLES = fileURLToPath(new URL("../../../../examples/", import.meta.url));
const SHOWN = "hello";

export async function start(call: Call<{ readonly port?: number }>): Promise<void> {
  const { options, environment, terminal } = call;
  const settings = settingsFrom(environment, options.port === undefined ? {} : { "server.port": options.port });
  const interrupted = interruption(call);
  const limit = { drainMs: settings["drain.seconds"] * 1000, say: (text: string) => terminal.err(text) };
  const cancelLimit = endInTime(interrupted, limit);
  const owner = await ownFolder({
    data: dataFolderOf(options, environment),
    settings,
    environment,
    role: "server",
    logger: (folder) => programLog({ file: join(folder, "server.log") }, environment["WINDLASS_LOG"] ?? "info"),
  }).catch((error: unknown) => {
    throw advised(error, settings);
  });
  terminal.out(`Windlass answers at ${owner.url}, with its data in ${owner.folder}\n\n`);
  const api = client({ url: owner.url, token: owner.token });
  try {
    const names = await applyExamples(api);
    terminal.out(`Applied the examples: ${names.join(", ")}\nRunning one of them: windlass run ${SHOWN} --watch\n\n`);
    await runShown(call, api, interrupted.signal);
    if (!interrupted.signal.aborted) terminal.out(`${next(terminal.style, owner.url)}\n`);
    await interrupted.stay();
  } finally {
    terminal.err("\nStopping: what runs goes on and is taken over by the next server in this folder.\n");
    await closeInTime(() => owner.close(), limit);
    cancelLimit();
  }
}

async function applyExamples(api: Client): Promise<string[]> {
  const names: string[] = [];
  for (const file of readdirSync(EXAMPLES)
    .filter((name) => name.endsWith(".yaml"))
    .toSorted()) {
    const { workflow } = await api.workflows.apply({ source: readFileSync(join(EXAMPLES, file), "utf8") });
    names.push(workflow.name);
  }
  return names;
}

async function runShown(call: Call, api: Client, signal: AbortSignal): Promise<void> {
  const { job } = await api.workflows.run({ name: SHOWN });
  const ended = await followJob({ client: api, id: job.id, terminal: call.terminal, show: "all", logs: true, signal });
  if (ended !== null) call.terminal.out(endOf(ended, call.terminal.style, now()));
}

function next(style: Call["terminal"]["style"], url: string): string {
  const commands = [
    ["npx windlass run examples/hello.yaml -i name=Ada --watch", "run a file"],
    ['npx windlass run changelog -i repository="$PWD" --watch', "a changelog of this repository"],
    ["npx windlass run flaky --watch", "one that fails, …"],
    ["npx windlass explain last", "… and why"],
    ["npx windlass jobs list", "all jobs"],
  ] as const;
  const width = Math.max(...commands.map(([command]) => command.length));
  const lines = commands.map(([command, what]) => `  ${style("bold", command.padEnd(width))}  ${style("dim", what)}`);
  return `\nIt goes on at ${url}; end it with Ctrl-C. In another terminal:\n${lines.join("\n")}`;
}

/** In the words of somebody who typed `npm start`. */
function advised(error: unknown, settings: Settings): unknown {
  if (hasCode(error, "port_in_use")) {
    const port = settings["server.port"];
    return new WindlassError("port_in_use", `${(error as Error).message}\nFor example: npm start -- --port ${port === 0 ? 0 : port + 1}`, {
      cause: error,
    });
  }
  return error;
}
