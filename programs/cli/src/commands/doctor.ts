/** `windlass doctor` */
import { readDataFolder } from "../compose/data-folder.ts";
import { settingsFrom } from "../compose/settings.ts";
import { connect, dataFolderOf } from "../connection/connect.ts";
import { runChecks, worstOf, type Finding } from "../doctor/check.ts";
import { checksOfMachine } from "../doctor/checks-of-machine.ts";
import { checksOfSurroundings } from "../doctor/checks-of-surroundings.ts";
import { present } from "../output/present.ts";
import { printable, type Colour, type Style } from "../output/style.ts";
import type { Call } from "../tree/call.ts";

const SIGNS: Record<Finding["status"], { readonly sign: string; readonly colour: Colour; readonly exit: number }> = {
  ok: { sign: "✓", colour: "green", exit: 0 },
  missing: { sign: "–", colour: "dim", exit: 0 },
  warning: { sign: "!", colour: "yellow", exit: 1 },
  failed: { sign: "✗", colour: "red", exit: 4 },
};
const NAME_WIDTH = 12;

/** The exit code is that of the worst: 4 when Windlass cannot work here, 1 for a warning; what is only missing is fine. */
export async function doctor(call: Call): Promise<number> {
  const settings = settingsFrom(call.environment);
  const folder = readDataFolder(dataFolderOf(call.options, call.environment));
  // One after the other: what the surroundings take is loaded meanwhile, and would count as the slowness of a disk.
  const findings = [
    ...(await runChecks(checksOfMachine({ folder, host: settings["server.host"], port: settings["server.port"] }))),
    ...(await runChecks(checksOfSurroundings(call.environment, connect(call)))),
  ];
  const status = worstOf(findings);
  await present(call, { status, checks: findings }, () => findings.map((finding) => told(finding, call.terminal.style)).join(""));
  return SIGNS[status].exit;
}

function told({ name, status, found, gives, mend }: Finding, style: Style): string {
  const { sign, colour } = SIGNS[status];
  const below = (text: string): string => `  ${" ".repeat(NAME_WIDTH)} ${style("dim", text)}\n`;
  const line = `${style(colour, sign)} ${name.padEnd(NAME_WIDTH)} ${status === "ok" ? "" : style(colour, `${status}: `)}${printable(found)}\n`;
  if (status === "ok") return line;
  return (
    line +
    below(`${status === "missing" ? "would give" : "it is there for"}: ${gives}`) +
    (mend === undefined ? "" : below(`mend it: ${printable(mend)}`))
  );
}
