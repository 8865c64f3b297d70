export { clusterWatcher, type ClusterWatcher, type ClusterWatcherOptions, type WatcherState } from "./cluster-watcher.ts";
export { serverLine, type ServerLine } from "./server-line.ts";
export { statusServer, type StatusServer } from "./status-server.ts";
export { conformance, type DeathResult } from "./conformance.ts";
export { confusionOf, type Confusion } from "./confusion.ts";
