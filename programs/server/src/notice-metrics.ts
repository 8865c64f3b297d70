/** The figures of the queue for notices for Prometheus; none where there is no such queue. */
import type { EngineContext } from "@windlass/engine";
import { samplesText } from "./exposition.ts";

const OWN = "by this process since it was started";

export function noticeLines(context: EngineContext): string[] {
  const { notices } = context.figures;
  if (!notices.isUsed) return [];
  const one = (type: "counter" | "gauge") => (name: string, help: string, value: number) =>
    samplesText({ name: `windlass_notices_${name}`, help, type, samples: [{ labels: {}, value }] });
  const [counter, gauge] = [one("counter"), one("gauge")];
  const { atBroker } = notices;
  const ageOf = (at: number | null): number => (at === null ? 0 : Math.max(0, context.now() - at) / 1000);
  return [
    gauge("queue_up", "1 where the queue for notices can be used, 0 while its broker is away", notices.fault === null ? 1 : 0),
    gauge("outbox_depth", "Executions that are stored and were not told of yet, as far as one look takes", notices.outbox.depth),
    gauge("outbox_oldest_seconds", "How long ago the oldest of them was stored", ageOf(notices.outbox.oldestAt)),
    counter("sent_total", `Notices that the broker confirmed ${OWN}`, notices.sent),
    counter("send_failures_total", `Sendings that it did not confirm; they are sent again ${OWN}`, notices.failed),
    counter("received_total", `Notices received ${OWN}`, notices.received),
    counter("dead_total", `Those of them that were put with the dead letters ${OWN}`, notices.dead),
    ...(atBroker === null
      ? []
      : [
          gauge("waiting", "Notices that lie at the broker and that nobody has, as it said last", atBroker.waiting),
          gauge("at_work", "Notices that somebody has received and is not done with, as the broker said last", atBroker.received),
          gauge("dead", "Dead letters at the broker, as it said last", atBroker.dead),
          gauge("oldest_seconds", "How long the oldest notice lies at the broker; 0 where it does not tell", ageOf(atBroker.oldestAt)),
        ]),
  ];
}
