/** `windlass secrets …` */
import { readFileSync } from "node:fs";
import type { SecretJson } from "@windlass/contract";
import { messageOf, WindlassError } from "@windlass/kernel";
import { allPages } from "../connection/all-pages.ts";
import { connect } from "../connection/connect.ts";
import { hiddenLine } from "../machine/hidden-input.ts";
import { standardInput } from "../machine/standard-input.ts";
import { now, presentTable } from "../output/api-object.ts";
import { agoOf } from "../output/job-lines.ts";
import { isForPeople, present } from "../output/present.ts";
import { argumentOf, type Call } from "../tree/call.ts";

export interface OfWorkflow {
  readonly workflow?: string;
}

/** A value is never an argument: those are seen by everybody on the machine, and kept by shells. */
export async function setSecret(call: Call<OfWorkflow & { readonly file?: string }>): Promise<void> {
  const name = argumentOf(call, 0);
  if (call.args[1] !== undefined)
    throw new WindlassError(
      "usage",
      `the value of a secret is not given as an argument, where others see it (and your shell has kept it now): windlass secrets set ${name}, and type it or pipe it in`,
    );
  const { file, workflow } = call.options;
  const value = file === undefined ? await typedValue(name) : readText(file);
  const { secret, masked } = await connect(call).client.secrets.set({ name, value, ...ofWorkflow(workflow) });
  await present(
    call,
    { secret, masked },
    () => `${secret.version === 1 ? "Set" : "Changed"} the secret ${secret.name} of ${ownerOf(secret)} (version ${secret.version})\n`,
  );
  if (!masked && isForPeople(call.format)) call.terminal.err("It is too short to be masked: it would show in logs.\n");
}

export async function listSecrets(call: Call<OfWorkflow>): Promise<void> {
  const { client } = connect(call);
  const { items } = await allPages<SecretJson>((page) => client.secrets.list({ ...page, ...ofWorkflow(call.options.workflow) }));
  const at = now();
  await presentTable<SecretJson>(
    call,
    { items },
    {
      columns: [
        { title: "SECRET", value: ({ name }) => name, elastic: true },
        { title: "OF", value: ownerOf, elastic: true },
        { title: "VERSION", value: ({ version }) => String(version) },
        { title: "SET", value: ({ changedAt }) => agoOf(changedAt, at) },
        { title: "BY", value: ({ changedBy }) => changedBy },
        { title: "READABLE", value: ({ readable }) => (readable ? "yes" : "no"), colour: ({ readable }) => (readable ? "dim" : "red") },
        { title: "KEY", value: ({ keyId }) => keyId, wide: true },
        { title: "CREATED", value: ({ createdAt }) => agoOf(createdAt, at), wide: true },
        { title: "CREATED BY", value: ({ createdBy }) => createdBy, wide: true },
      ],
      rows: items,
      none: "No secrets yet; set one: windlass secrets set NAME",
    },
  );
}

export async function unsetSecret(call: Call<OfWorkflow>): Promise<void> {
  const unset = await connect(call).client.secrets.unset({ name: argumentOf(call, 0), ...ofWorkflow(call.options.workflow) });
  await present(call, unset, () => `Removed the secret ${unset.name}\n`);
}

/** Calls until nothing is left that can be sealed anew; broken off, it goes on with the next call. */
export async function rotateSecrets(call: Call): Promise<number> {
  const { client } = connect(call);
  let resealed = 0;
  let made = false;
  for (;;) {
    const answer = await client.secrets.rotate({});
    resealed += answer.resealed;
    made ||= answer.made;
    if (answer.left > 0 && answer.resealed > 0) {
      if (isForPeople(call.format)) call.terminal.err(`${resealed} sealed anew, ${answer.left} left\n`);
      continue;
    }
    const total = { ...answer, resealed, made };
    await present(call, total, () => rotationText(total));
    return answer.left === 0 ? 0 : UNFINISHED;
  }
}

/** Refused: some stay as they are. */
const UNFINISHED = 4;

type Rotated = Awaited<ReturnType<ReturnType<typeof connect>["client"]["secrets"]["rotate"]>>;

function rotationText({ keyId, made, resealed, left, unreadable, unused }: Rotated): string {
  const key = made ? `a new key, ${keyId}` : `the current key, ${keyId}`;
  const lines = [resealed === 0 && !made ? `All that can be opened is sealed with ${key}` : `Sealed ${resealed} anew with ${key}`];
  if (left > 0)
    lines.push(
      `${left} cannot be opened and keep their seal: ${unreadable.map(({ name, workspace, workflow }) => `${name} (${workflow ?? workspace})`).join(", ")}`,
    );
  if (unused.length > 0)
    lines.push(`No secret needs ${unused.join(", ")} any more; back-ups that were taken before do, until you remove them`);
  return `${lines.join("\n")}\n`;
}

function ownerOf({ workflow }: SecretJson): string {
  return workflow === null ? "the workspace" : `workflow ${workflow}`;
}

function ofWorkflow(workflow: string | undefined): { readonly workflow?: string } {
  return workflow === undefined ? {} : { workflow };
}

/** From the keyboard without showing it, or all of standard input without the line end behind it. */
async function typedValue(name: string): Promise<string> {
  if (!process.stdin.isTTY) return utf8Of(await standardInput(), "standard input").replace(/\r?\n$/u, "");
  const line = await hiddenLine(`Value of ${name} (it is not shown): `);
  if (line === null) throw new WindlassError("usage", "nothing was set");
  return line;
}

/** As it is, with its last line end. */
function readText(path: string): string {
  try {
    return utf8Of(readFileSync(path), path);
  } catch (error) {
    if (error instanceof WindlassError) throw error;
    throw new WindlassError("usage", `${path} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

function utf8Of(bytes: Uint8Array, where: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new WindlassError("usage", `what stands in ${where} is not text in UTF-8; encode it first, for example with base64`, {
      cause: error,
    });
  }
}
