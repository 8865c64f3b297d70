/** `windlass workflows diff`: two versions of a workflow, or a file beside what is stored under its name. */
import type { JsonObject } from "@windlass/kernel";
import { WindlassError } from "@windlass/kernel";
import type { Client } from "@windlass/sdk";
import { connect } from "../connection/connect.ts";
import { present } from "../output/present.ts";
import { textDiff } from "../output/text-diff.ts";
import { argumentOf, type Call } from "../tree/call.ts";
import { about, isFile, readSource } from "./workflow-source.ts";

interface Side {
  readonly name: string;
  readonly title: string;
  readonly definition: JsonObject;
}

/** The exit code of `diff` for texts that differ would be that of a job that failed: it is 0 when both could be compared. */
export async function diffWorkflow(call: Call): Promise<void> {
  const { client } = connect(call);
  const [given, other] = [argumentOf(call, 0), call.args[1] as string | undefined];
  const [before, after] = await sidesOf(client, given, other);
  const { stringify } = await import("yaml");
  const lines = textDiff(stringify(before.definition), stringify(after.definition));
  const { style } = call.terminal;
  const answer = {
    before: before.title,
    after: after.title,
    equal: lines.length === 0,
    lines: lines.map((line) => (line === "…" ? line : `${line.sign}${line.text}`)),
  };
  await present(call, answer, () =>
    lines.length === 0
      ? `${before.title} and ${after.title} are equal.\n`
      : `--- ${before.title}\n+++ ${after.title}\n${lines
          .map((line) =>
            line === "…"
              ? "…\n"
              : `${line.sign === " " ? ` ${line.text}` : style(line.sign === "-" ? "red" : "green", `${line.sign}${line.text}`)}\n`,
          )
          .join("")}`,
  );
}

/** The older one first. A name alone is its newest version beside the one before. */
async function sidesOf(client: Client, given: string, other: string | undefined): Promise<readonly [Side, Side]> {
  if (isFile(given) && other === undefined) {
    const file = await read(given);
    return [await stored(client, file.name), file];
  }
  if (other !== undefined) return [await side(client, given), await side(client, other)];
  const newest = await client.workflows.get({ name: given });
  if (newest.version === 1) throw new WindlassError("not_found", `${newest.name} has one version; give two names, or a file`);
  const { name, version, definition } = newest;
  return [await stored(client, `${name}@${version - 1}`), { name, title: `${name}@${version}`, definition }];
}

function side(client: Client, given: string): Promise<Side> {
  return isFile(given) ? read(given) : stored(client, given);
}

async function stored(client: Client, name: string): Promise<Side> {
  const workflow = await client.workflows.get({ name });
  return { name: workflow.name, title: `${workflow.name}@${workflow.version}`, definition: workflow.definition };
}

async function read(file: string): Promise<Side> {
  const { parseWorkflow, specOf } = await import("@windlass/workflows");
  const parsed = parseWorkflow(await readSource(file));
  return about(file, async () => {
    if ("faults" in parsed) throw new WindlassError("invalid", `${file} is no valid workflow`, { faults: parsed.faults });
    return { name: parsed.workflow.metadata.name, title: file, definition: specOf(parsed.workflow) };
  });
}
