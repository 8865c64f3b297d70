export * from "./executor-contract.ts";
export * from "./log-store-contract.ts";
export * from "./fakes.ts";
export { advanceOf, childRecord, compositeRecord, failed, jobRecord, nextJobId, settleOf, succeeded, T0 } from "./factories.ts";
export { serviceStress, type StressOptions } from "./service-stress.ts";
export { storeContract, type Opened } from "./store-contract.ts";
export { storeWalk, walkStore, type WalkEnd, type WalkStep } from "./store-walk.ts";
export { testPostgres, type TestPostgres } from "./test-postgres.ts";
