/** A log store in memory, for tests of what writes logs. The real one has its own contract suite. */
import { MAIN_CONTAINER, nameOfSource, type LogChunk, type LogKey, type LogStore, type ToldSource } from "@windlass/ports";

export function memoryLogs(): LogStore & { text(key: LogKey): string } {
  const logs = new Map<string, LogChunk[]>();
  const expired = new Set<string>();
  const nameOf = (key: LogKey): string => `${key.jobId}/${key.attempt}`;
  return {
    async append(key, chunks) {
      const log = logs.get(nameOf(key)) ?? [];
      logs.set(nameOf(key), log);
      log.push(...chunks);
    },
    async told(key) {
      const sources = new Map<string, ToldSource>();
      for (const { stream, container, told, at } of logs.get(nameOf(key)) ?? []) {
        const name = nameOfSource({ stream, container });
        const beganAt = sources.get(name)?.beganAt ?? at;
        if (told !== undefined) sources.set(name, { stream, container, ...told, beganAt, isCut: false });
      }
      return [...sources.values()];
    },
    async read(key, range) {
      const all = logs.get(nameOf(key)) ?? [];
      const chunks = all
        .slice(Number(range.after ?? 0))
        .filter((chunk) => range.stream === undefined || chunk.stream === range.stream)
        .filter((chunk) => range.container === undefined || (chunk.container ?? MAIN_CONTAINER) === range.container);
      return { chunks, position: String(all.length), more: false };
    },
    watch: () => () => {},
    has: async (key) => logs.has(nameOf(key)),
    async expire(jobId) {
      for (const name of logs.keys()) if (name.startsWith(`${jobId}/`)) logs.delete(name);
      expired.add(jobId);
    },
    async *jobIds() {
      yield* new Set([...logs.keys()].map((name) => name.split("/")[0] ?? ""));
    },
    async usage(jobId) {
      const chunks = [...logs].filter(([name]) => name.startsWith(`${jobId}/`)).flatMap(([, log]) => log);
      const bytes = chunks.reduce((sum, chunk) => sum + chunk.data.length, 0);
      return { bytes, changedAt: Math.max(0, ...chunks.map((chunk) => chunk.at)), removed: expired.has(jobId) };
    },
    async remove(jobIds) {
      for (const name of logs.keys()) if (jobIds.some((id) => name.startsWith(`${id}/`))) logs.delete(name);
    },
    text: (key) => Buffer.concat((logs.get(nameOf(key)) ?? []).map((chunk) => chunk.data)).toString(),
  };
}
