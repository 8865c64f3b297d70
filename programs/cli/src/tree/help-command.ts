/** `windlass help`: of a command, or of a topic that belongs to no command alone. */
import { didYouMean, WindlassError } from "@windlass/kernel";
import type { Command } from "commander";
import { isCalled } from "./usage-error.ts";

export const TOPICS: Readonly<Record<string, { readonly about: string; readonly text: string }>> = {
  "exit-codes": {
    about: "what a command ends with",
    text: `0    well; of commands that wait for a job: it succeeded
1    a job failed; of doctor: something should be mended
2    the command line, a file or a setting is wrong
3    there is no such job, queue, workflow, file
4    refused: by the server, by another process, by rights
5    the server cannot be reached, or cannot answer now
130  interrupted with Ctrl-C; jobs go on`,
  },
  output: {
    about: "formats, and what goes where",
    text: `-o table   for people; cut to the window in a terminal, whole in a pipe
-o wide    more columns, and times instead of ages
-o json    the API's objects and nothing else (also --json); errors are one object on standard error
-o yaml    the same as YAML
-o name    ids of jobs, names of all else, one a line: windlass jobs list --state failed -o name | xargs -n 1 windlass jobs retry
--watch    of list and get: again whenever something changes; in a pipe only what changed, with -o json one object a line; of events each as it comes
Colours come in terminals only; NO_COLOR=1 switches them off, FORCE_COLOR=1 on.`,
  },
  ids: {
    about: "how jobs are named",
    text: `job_01…    the id, as lists show it
3w4f       at least four of its last characters, of the newest jobs
last       the newest job that nothing else made`,
  },
  environment: {
    about: "variables that commands read",
    text: `WINDLASS_URL        address of the server (--server)
WINDLASS_TOKEN      token for it (--token)
WINDLASS_CONTEXT    name of a context (--context)
WINDLASS_WORKSPACE  whose jobs, workflows and queues (--workspace)
WINDLASS_DATA       the data folder (--data); ./.windlass when left out
NO_COLOR, FORCE_COLOR, TERM
Settings of the server have variables of their own: docs/reference/settings.md.`,
  },
};

export function addHelpCommand(program: Command, out: (text: string) => void): void {
  const topics = Object.entries(TOPICS);
  program
    .command("help")
    .description("print help for a command, or for a topic")
    .argument("[command-or-topic...]", `a command, or a topic: ${topics.map(([name]) => name).join(", ")}`)
    .addHelpText("after", `\nTopics:\n${topics.map(([name, { about }]) => `  ${name.padEnd(12)} ${about}`).join("\n")}`)
    .action((words: readonly string[]) => {
      const [first, ...others] = words;
      if (first !== undefined && others.length === 0 && Object.hasOwn(TOPICS, first)) return out(`${TOPICS[first]?.text ?? ""}\n`);
      commandOf(program, words).outputHelp();
    });
}

function commandOf(program: Command, words: readonly string[]): Command {
  let command = program;
  for (const word of words) {
    const next = command.commands.find((child) => isCalled(child, word));
    if (next === undefined) {
      const known = [...command.commands.map((child) => child.name()), ...(command === program ? Object.keys(TOPICS) : [])];
      throw new WindlassError("usage", `there is no command or topic "${word}"${didYouMean(word, known)}\nSee windlass --help`);
    }
    command = next;
  }
  return command;
}
