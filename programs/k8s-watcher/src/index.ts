export { clusterWatcher, type ClusterWatcher, type ClusterWatcherOptions, type WatcherState } from "./cluster-watcher.ts";
export { serverLine, type ServerLine } from "./server-line.ts";
export { statusServer, type StatusServer } from "./status-server.ts";
export { conformance, type ConformanceOptions, type DeathResult } from "./conformance.ts";
export { deathsWith, type Death } from "./deaths.ts";
export { confusionOf, type Confusion } from "./confusion.ts";
