/** The names of containers to which something happened that may be their end, from an engine's stream of events. */
import { linesOf } from "@windlass/ports";

interface EngineEvent {
  readonly Action?: string;
  readonly Actor?: { readonly Attributes?: Readonly<Record<string, string>> };
}

/** Docker says `die` and `destroy`, podman `died`, `remove` and `cleanup` as well. */
const ENDS = ["die", "died", "destroy", "remove", "cleanup"];

export async function* eventLines(stream: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  for await (const line of linesOf(stream)) {
    const name = nameOfEnd(line);
    if (name !== null) yield name;
  }
}

function nameOfEnd(line: string): string | null {
  if (line.trim() === "") return null;
  const { Action, Actor } = JSON.parse(line) as EngineEvent;
  return Action !== undefined && ENDS.includes(Action) ? (Actor?.Attributes?.["name"] ?? null) : null;
}
