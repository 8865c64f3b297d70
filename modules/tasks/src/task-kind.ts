/** Jobs of kind `task`: one handler, one process or one container, submitted as it is. Its executor does the work; nothing is decided here. */
import type { JobKind } from "@windlass/engine";
import { didYouMean, faultsOfContainerSpec, isJsonObject, withoutAliases, type Fault, type Json, type JsonObject } from "@windlass/kernel";

const PROCESS_KEYS = ["command", "script", "shell", "cwd", "env", "memoryLimitBytes", "output"];
const KEYS = ["handler", ...PROCESS_KEYS];
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/u;

export const taskKind: JobKind = { kind: "task", validate };

function validate(spec: JsonObject): readonly Fault[] {
  if (spec["image"] !== undefined)
    return faultsOfContainerSpec(withoutAliases(spec)).map(({ path, message }) => ({ path: `spec.${path}`, message }));
  const faults: Fault[] = [];
  const note = (path: string, message: string): void => void faults.push({ path: `spec.${path}`, message });
  for (const key of Object.keys(spec))
    if (!KEYS.includes(key)) note(key, `unknown key ${JSON.stringify(key)}${didYouMean(key, KEYS) || `; known: ${KEYS.join(", ")}`}`);
  if (spec["handler"] === undefined) checkProcess(spec, note);
  else {
    if (!isPlainText(spec["handler"]) || spec["handler"] === "")
      note("handler", "expected the name under which a worker registered its code");
    for (const key of PROCESS_KEYS)
      if (spec[key] !== undefined) note(key, `a task has either a handler or a process; ${key} belongs to a process`);
  }
  return faults;
}

function checkProcess(spec: JsonObject, note: (path: string, message: string) => void): void {
  const { command, script, shell, cwd, env, memoryLimitBytes, output } = withoutAliases(spec);
  if ((command === undefined) === (script === undefined))
    note("command", "give a handler, or either a command (a list: program and arguments) or a script (text)");
  if (command !== undefined && !isCommand(command)) note("command", "expected a list of texts that begins with a program");
  if (script !== undefined && (!isPlainText(script) || script.trim() === "")) note("script", "expected text that is not empty");
  if (shell !== undefined && shell !== "sh" && shell !== "bash") note("shell", "expected sh or bash");
  if (cwd !== undefined && (!isPlainText(cwd) || cwd === "")) note("cwd", "expected the path of a folder");
  if (memoryLimitBytes !== undefined && !(Number.isSafeInteger(memoryLimitBytes) && Number(memoryLimitBytes) > 0))
    note("memoryLimitBytes", "expected a whole number of bytes above 0");
  if (output !== undefined && output !== "json") note("output", 'expected "json"');
  if (env === undefined) return;
  if (!isJsonObject(env)) note("env", "expected an object of variables");
  else
    for (const [name, value] of Object.entries(env))
      if (!VARIABLE.test(name) || !isPlainText(value))
        note(`env.${name}`, 'expected a variable\'s name and a text, or {"valueFrom": the alias of a secret}');
}

function isCommand(value: Json): boolean {
  return Array.isArray(value) && value.length > 0 && value.every(isPlainText) && value[0] !== "";
}

/** No program can be given a NUL character. */
function isPlainText(value: unknown): value is string {
  return typeof value === "string" && !value.includes("\0");
}
