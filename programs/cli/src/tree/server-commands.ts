/** `start`, `server`, `worker`, `dispatcher`, `spawner`, `doctor`, `version`. */
import type { Command } from "commander";
import type { Performing } from "../program.ts";
import { duration, several, whole } from "./option-values.ts";

const PORT_MAX = 65_535;
const CONCURRENCY_MAX = 1_000;

export function addServerCommands(program: Command, perform: Performing): void {
  program
    .command("start")
    .description("a server in this folder, with the examples applied and one of them run")
    .option("--port <port>", "port to listen on; 0 takes a free one", whole(0, PORT_MAX))
    .action(perform(async () => (await import("../commands/start.ts")).start));
  program
    .command("server")
    .description("run the server")
    .option("--port <port>", "port to listen on; 0 takes a free one (4180)", whole(0, PORT_MAX))
    .option("--host <address>", "address to listen on (127.0.0.1)")
    .option("--store <url>", "where jobs are kept: postgres://…, or SQLite in the data folder when left out")
    .option("--docker-host <address>", "the container engine: unix:///path/of/a/socket or tcp://HOST:PORT; found by itself when left out")
    .action(perform(async () => (await import("../commands/server.ts")).server));
  program
    .command("worker")
    .description("run the handlers of a file for the jobs of a server, here or elsewhere")
    .requiredOption("--handlers <file>", "a module that exports handlers: functions by name, or an object of them as `handlers`")
    .option("-q, --queue <queue,…>", "queues to serve, separated by commas; default when left out", several)
    .option("--concurrency <count>", "handlers that run at once; 10 when left out", whole(1, CONCURRENCY_MAX))
    .option("--drain <duration>", "how long handlers may take to finish when it is told to end; 20 s when left out", duration)
    .option("--session-ttl <duration>", "how long it may be out of touch until its jobs are given to others; 30 s when left out", duration)
    .action(perform(async () => (await import("../commands/worker.ts")).runWorker));
  program
    .command("runner")
    .description("carry the steps of one isolated execution out; started by the server, which tells it which by its environment")
    .addHelpText(
      "after",
      "\nVariables: WORKFLOW_ID, EXECUTION_ID, WORKFLOW_INPUT, WINDLASS_URL, WINDLASS_TOKEN.\nExit code: 0 when nothing is left to do, however the steps went; 1 when it could not work; 143 when it was told to end.",
    )
    .action(perform(async () => (await import("../commands/runner.ts")).runRunner));
  addApartCommands(program, perform);
  program
    .command("backup")
    .description("back up the store and the logs, also while a server works with them")
    .argument("<folder>", "where the back-up is to be; it must not be there yet. With --server: a name below that server's backup.folder")
    .option("--store <url>", "where jobs are kept, when no server works with the data folder")
    .option("--verify", "read a back-up that is there, and compare every file with its checksum")
    .action(perform(async () => (await import("../commands/backup.ts")).backup));
  program
    .command("restore")
    .description("make a data folder, and a store, of a back-up")
    .argument("<folder>", "the back-up; --data names the data folder that is to be, which must be empty or not there")
    .option("--store <url>", "of a back-up from PostgreSQL: the address of an empty database")
    .action(perform(async () => (await import("../commands/restore.ts")).restore));
  program
    .command("doctor")
    .description("look at what is around Windlass, and say what each missing thing would give")
    .addHelpText(
      "after",
      "\nExit code: 4 when Windlass cannot work here, 1 when something should be mended, else 0; what is only missing is fine.",
    )
    .action(perform(async () => (await import("../commands/doctor.ts")).doctor));
  program
    .command("version")
    .description("versions of this program, of Node and of the server")
    .action(perform(async () => (await import("../commands/version.ts")).version));
}

/** Parts of a server that may stand apart from it. */
function addApartCommands(program: Command, perform: Performing): void {
  program
    .command("dispatcher")
    .description("look after schedules apart from a server: for ever, or one pass for a CronJob")
    .option(
      "--once",
      "one pass: all that is due, and with its exact time what will be before the next one; exit code 1 if a schedule had an error",
    )
    .option("--ahead <duration>", "of --once: when the next pass comes; 60 s when left out", duration)
    .option("--store <url>", "where schedules and jobs are kept: postgres://…, or SQLite in a data folder that no server works with")
    .action(perform(async () => (await import("../commands/dispatcher.ts")).runDispatcher));
  program
    .command("spawner")
    .description(
      "make Jobs and runners beside the servers, without answering requests: takes notices from a queue of NATS or SQS (WINDLASS_NOTICES_URL)",
    )
    .option("--store <url>", "where jobs are kept: postgres://…, the same as of those who decide")
    .action(perform(async () => (await import("../commands/spawner.ts")).runSpawner));
}
