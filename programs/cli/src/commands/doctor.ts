/** `windlass doctor` */
import { connect, dataFolderOf } from "../connection/connect.ts";
import type { Finding } from "../doctor/check.ts";
import { checksOfMachine } from "../doctor/checks-of-machine.ts";
import { checksOfSurroundings } from "../doctor/checks-of-surroundings.ts";
import { present } from "../output/present.ts";
import { printable, type Colour, type Style } from "../output/style.ts";
import type { Call } from "../tree/call.ts";

const NOT_WELL = 4;
const SIGNS: Record<Finding["status"], { readonly sign: string; readonly colour: Colour }> = {
  ok: { sign: "✓", colour: "green" },
  missing: { sign: "–", colour: "dim" },
  failed: { sign: "✗", colour: "red" },
};

/** The exit code says whether Windlass can work here; what is only missing is fine. */
export async function doctor(call: Call): Promise<number> {
  const checks = [
    ...checksOfMachine(dataFolderOf(call.options, call.environment)),
    ...checksOfSurroundings(call.environment, connect(call)),
  ];
  const findings = await Promise.all(checks.map((check) => check()));
  await present(call, { checks: findings }, () => findings.map((finding) => told(finding, call.terminal.style)).join(""));
  return findings.some(({ status }) => status === "failed") ? NOT_WELL : 0;
}

function told({ name, status, found, gives }: Finding, style: Style): string {
  const { sign, colour } = SIGNS[status];
  const line = `${style(colour, sign)} ${name.padEnd(12)} ${printable(found)}\n`;
  return status === "ok"
    ? line
    : `${line}  ${" ".repeat(12)} ${style("dim", `${status === "missing" ? "would give" : "it is there for"}: ${gives}`)}\n`;
}
