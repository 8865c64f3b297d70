/** Bodies whose fields may be in snake_case as well as in camelCase, by the one rule for both; faults name what was sent. */
import { camelCaseOf } from "@windlass/contract";
import { isJsonObject, type Fault, type Json } from "@windlass/kernel";

export interface EitherCase {
  /** With its own fields in camelCase; what they hold is not touched. */
  readonly body: Json;
  /** The fault as it is about what was sent. */
  readonly asSent: (fault: Fault) => Fault;
  /** Fields that were given twice. */
  readonly faults: readonly Fault[];
}

export function eitherCase(sent: Json): EitherCase {
  if (!isJsonObject(sent)) return { body: sent, asSent: (fault) => fault, faults: [] };
  const names = new Map<string, string>();
  const faults: Fault[] = [];
  for (const name of Object.keys(sent)) {
    const own = camelCaseOf(name);
    const other = names.get(own);
    if (other === undefined) names.set(own, name);
    else faults.push({ path: name, message: `${name} is there twice: ${other} is the same field` });
  }
  return {
    body: Object.fromEntries([...names].map(([own, name]) => [own, sent[name] ?? null])),
    asSent(fault) {
      const own = /^\w+/u.exec(fault.path)?.[0] ?? "";
      const name = names.get(own) ?? own;
      return name === own ? fault : { ...fault, path: fault.path.replace(own, name), message: fault.message.replace(own, name) };
    },
    faults,
  };
}
