/** Errors as people read them, and as programs do: what is wrong, every fault with its place, what to do. Pure. */
import { ERRORS, isWindlassError, messageOf, type ErrorCode, type Fault, type WindlassError } from "@windlass/kernel";
import { printable, type Style } from "./style.ts";

/** What a server cannot know: how this program came to ask as it did. */
const ADVICE: Partial<Record<ErrorCode, string>> = {
  unauthorized:
    "The token comes from --token, WINDLASS_TOKEN, or the file `token` in the data folder (--data, WINDLASS_DATA) of the server that is asked.",
};

/** Of what is shown at once; a file with more faults has a common cause. */
export const FAULTS_MAX = 50;

export function errorText(error: unknown, style: Style): string {
  if (!isWindlassError(error)) {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return `${style("red", "error:")} this is a bug in Windlass: ${messageOf(error)}\n${stack}\n`;
  }
  const file = typeof error.details["file"] === "string" ? error.details["file"] : undefined;
  // One fault without a place that is the whole message is told once.
  const [only] = error.faults;
  const said = error.faults.length === 1 && only?.line === undefined && only?.message === error.message;
  const faults = (said ? [] : error.faults).slice(0, FAULTS_MAX).map((fault) => `  ${faultText(fault, file, style)}\n`);
  const more = said ? 0 : error.faults.length - faults.length;
  const cut = more > 0 ? `  and ${more} more\n` : "";
  const advice = adviceOn(error);
  return `${style("red", "error:")} ${lines(headline(error))}\n${faults.join("")}${cut}${advice === undefined ? "" : `${advice}\n`}`;
}

function adviceOn({ code, details }: WindlassError): string | undefined {
  const asked = typeof details["server"] === "string" ? `${details["server"]} was asked. ` : "";
  const advice = ADVICE[code];
  return advice === undefined ? undefined : `${asked}${advice}`;
}

/** The same as the API's problem object, for `--json`. */
export function errorObject(error: unknown): object {
  if (!isWindlassError(error))
    return { code: "internal", status: ERRORS.internal.status, title: ERRORS.internal.meaning, detail: messageOf(error) };
  const { status, meaning } = ERRORS[error.code];
  return {
    type: `urn:windlass:error:${error.code}`,
    title: meaning,
    status,
    code: error.code,
    detail: error.message,
    ...(error.faults.length === 0 ? {} : { faults: error.faults }),
    ...(Object.keys(error.details).length === 0 ? {} : { details: error.details }),
  };
}

export function exitCodeOf(error: unknown): number {
  return isWindlassError(error) ? ERRORS[error.code].exit : ERRORS.internal.exit;
}

/** `hello.yaml:4:7 steps[0].tool: there is no …` */
export function faultText(fault: Fault, file: string | undefined, style: Style): string {
  const place = fault.line === undefined ? "" : `:${fault.line}${fault.column === undefined ? "" : `:${fault.column}`}`;
  const where = file === undefined ? (place === "" ? "" : `line ${place.slice(1)}`) : `${file}${place}`;
  const path = fault.path === "" || fault.message.includes(fault.path) ? "" : `${fault.path}: `;
  return `${where === "" ? "" : `${style("bold", where)} `}${path}${printable(fault.message)}`;
}

/** What stands before the faults, when a message repeats them. */
function headline(error: WindlassError): string {
  const [first] = error.faults;
  if (first === undefined) return error.message;
  const at = error.message.indexOf(first.message);
  if (at < 1) return error.message;
  return error.message
    .slice(0, at)
    .replace(/[\s:;]*$/u, "")
    .replace(new RegExp(`: ${escaped(first.path)}$`, "u"), "")
    .replace(/: line \d+(, column \d+)?$/u, "");
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/gu, String.raw`\$&`);
}

function lines(text: string): string {
  return text.split("\n").map(printable).join("\n");
}
