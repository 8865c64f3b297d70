export { findCluster, whereClustersAre } from "./cluster-access.ts";
export type { AccessOptions, ClusterAccess } from "./cluster-access.ts";
export { ClusterClient } from "./cluster-client.ts";
export type { ClusterAnswer, ClusterCall, ClusterClientOptions } from "./cluster-client.ts";
export { ANNOTATIONS, attemptMark, LABELS, labelSafe, OUR_SELECTOR } from "./labels.ts";
export { isAccepted, refusalOf } from "./refusal.ts";
export type { Refusal } from "./refusal.ts";
