export * from "./executor-contract.ts";
export * from "./log-store-contract.ts";
export { commitThief, type CommitThief } from "./commit-thief.ts";
export * from "./fakes.ts";
export {
  advanceOf,
  childRecord,
  compositeRecord,
  deliveryOf,
  failed,
  jobRecord,
  nextJobId,
  occurrenceRow,
  scheduleOf,
  settleOf,
  succeeded,
  T0,
  webhookOf,
} from "./factories.ts";
export { freePort } from "./free-port.ts";
export { testNats, type NatsServer, type TestNats } from "./nats.ts";
export * from "./notices-contract.ts";
export * from "./outside-executor.ts";
export { serviceStress, type StressOptions } from "./service-stress.ts";
export { storeContract, type Opened } from "./store-contract.ts";
export { storeWalk, walkStore, type WalkEnd, type WalkStep } from "./store-walk.ts";
export { testPostgres, type TestPostgres } from "./test-postgres.ts";
export type { ContainerServer } from "./container-server.ts";
export { testDocker, testPodman, type TestContainers } from "./test-containers.ts";
export { INIT } from "./busybox-root.ts";
export { testCluster, type TestCluster } from "./test-cluster.ts";
export { testRegistry, type RegistryOptions, type TestRegistry } from "./test-registry.ts";
