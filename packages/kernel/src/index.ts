export * from "./access.ts";
export * from "./assert.ts";
export * from "./change.ts";
export * from "./container-spec.ts";
export * from "./container-images.ts";
export * from "./kubernetes-spec.ts";
export * from "./dead-letter.ts";
export * from "./disabled-definition.ts";
export {
  decideOccurrences,
  occurrenceOf,
  replacementOf,
  startedAs,
  WAITING_REST_MS,
  type DecidedOccurrences,
  type ScheduleFacts,
  type Start,
} from "./decide-occurrences.ts";
export { dispatchOf, failedDispatch, type MadeJob } from "./dispatch.ts";
export * from "./due-times.ts";
export * from "./duration.ts";
export * from "./error.ts";
export * from "./event.ts";
export * from "./handler.ts";
export * from "./handler-end.ts";
export * from "./id.ts";
export * from "./job.ts";
export * from "./json.ts";
export * from "./lifecycle.ts";
export * from "./mask-json.ts";
export { maskOf, NO_SECRETS, type Mask, type MaskRule, type MaskStream } from "./mask.ts";
export * from "./nearest.ts";
export * from "./occurrence.ts";
export * from "./notice.ts";
export * from "./outcome.ts";
export * from "./outside-end.ts";
export * from "./permission.ts";
export * from "./quantity.ts";
export * from "./queue.ts";
export * from "./rate.ts";
export * from "./reason.ts";
export * from "./retry.ts";
export * from "./revision.ts";
export * from "./run-handler.ts";
export * from "./runner.ts";
export * from "./schedule.ts";
export * from "./schedule-record.ts";
export * from "./secret.ts";
export * from "./secret-alias.ts";
export { SECRET_BYTES_MIN } from "./secret-forms.ts";
export * from "./service.ts";
export * from "./setting.ts";
export { takeBack, takenBackFrom, TAKEN_BACK_MAX, type TakingBack } from "./take-back.ts";
export * from "./tally.ts";
export * from "./tracing.ts";
export * from "./turn.ts";
export * from "./webhook.ts";
export * from "./admission.ts";
export * from "./spawner.ts";
export * from "./stuck.ts";
export * from "./apply.ts";
export { attemptOf, type NewEvent, type Step } from "./ending.ts";
export { LAUNCH_SLACK_MS, startDeadlineOf, timerOf, transition, unblocked, type OwnChange } from "./transition.ts";
export { WorkingSet, type Loaded, type Writes } from "./working-set.ts";
export { changesOnRetry, ON_RETRY, specOfAttempt } from "./retried-spec.ts";
