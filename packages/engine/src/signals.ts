/** What somebody outside tells a job that waits for it, or is going to: checked by its kind, durable when it is answered. */
import { SIGNAL_LENGTH_MAX, WindlassError, type Json, type JobView } from "@windlass/kernel";
import type { EngineContext } from "./context.ts";

export interface SignalRequest {
  readonly name: string;
  readonly data: Json;
  readonly by: string;
}

/** Names are parts of what an execution remembers. */
const NAME_LENGTH_MAX = 200;

/** Throws `invalid` with every fault, `too_large`, `job_finished`, and `conflict` for a job that takes none. */
export async function sendSignal(context: EngineContext, { record, final }: JobView, signal: SignalRequest): Promise<void> {
  const { name, data, by } = signal;
  if (final !== null) throw new WindlassError("job_finished", `${record.id} has ended; nothing waits for a signal any more`);
  const length = JSON.stringify(data).length;
  if (length > SIGNAL_LENGTH_MAX)
    throw new WindlassError("too_large", `the data has ${length} characters as JSON; a signal brings at most ${SIGNAL_LENGTH_MAX}`);
  if (name === "" || name.length > NAME_LENGTH_MAX)
    throw new WindlassError("invalid", `a signal's name has 1 to ${NAME_LENGTH_MAX} characters`, {
      faults: [{ path: "name", message: `it has ${name.length} characters` }],
    });
  const kind = context.kindOf(record.kind);
  if (kind?.signalFaults === undefined) throw new WindlassError("conflict", `${record.id} is a ${record.kind}, which takes no signals`);
  const faults = kind.signalFaults(record, { name, data });
  if (faults.length > 0) throw new WindlassError("invalid", faults.map(({ message }) => message).join("; "), { faults });
  const [result] = await context.commit([{ type: "signal", id: record.id, name, data, by }]);
  if (result?.ok === false) throw new WindlassError(result.refusal.code, `${record.id}: ${result.refusal.why}`);
}
