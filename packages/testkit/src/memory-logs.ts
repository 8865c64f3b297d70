/** A log store in memory, for tests of what writes logs. The real one has its own contract suite. */
import type { LogChunk, LogKey, LogStore } from "@windlass/ports";

export function memoryLogs(): LogStore & { text(key: LogKey): string } {
  const logs = new Map<string, LogChunk[]>();
  const nameOf = (key: LogKey): string => `${key.jobId}/${key.attempt}`;
  return {
    async append(key, chunks) {
      const log = logs.get(nameOf(key)) ?? [];
      logs.set(nameOf(key), log);
      log.push(...chunks);
    },
    async read(key, range) {
      const all = logs.get(nameOf(key)) ?? [];
      const chunks = all.slice(Number(range.after ?? 0)).filter((chunk) => range.stream === undefined || chunk.stream === range.stream);
      return { chunks, position: String(all.length), more: false };
    },
    watch: () => () => {},
    async remove(jobIds) {
      for (const name of logs.keys()) if (jobIds.some((id) => name.startsWith(`${id}/`))) logs.delete(name);
    },
    text: (key) => Buffer.concat((logs.get(nameOf(key)) ?? []).map((chunk) => chunk.data)).toString(),
  };
}
