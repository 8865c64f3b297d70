/** Every line of the table, on what a real cluster told. */
import { describe, expect, test } from "vitest";
import { classify, type Verdict } from "./classify.ts";
import { DEFAULT_GRACES } from "./classify-stuck.ts";
import type { ConditionFact, ContainerFact, JobFacts, PodFact, Terminated } from "./facts.ts";
import { RECORDED_AT, remembered, stepsOf } from "./recorded-deaths-fixture.ts";

const SECOND = 1_000;

/** What is known at the end of a recording, or as it was after so many milliseconds. */
function factsOf(name: string, at = Number.POSITIVE_INFINITY): JobFacts {
  const facts = remembered(name, (step) => step.at <= at).facts("uid-1");
  if (facts === null) throw new Error(`nothing is known of ${name}`);
  return facts;
}

function verdictOf(name: string, { at, after = 0 }: { readonly at?: number; readonly after?: number } = {}): Verdict {
  const end = at ?? stepsOf(name).at(-1)?.at ?? 0;
  return classify(factsOf(name, end), RECORDED_AT + end + after);
}

const told = (verdict: Verdict): string =>
  verdict.isFinal ? `${verdict.outcome} ${verdict.reason} ${verdict.exitCode}` : `${verdict.state} ${verdict.reason}`;

describe("what a cluster told", () => {
  test.each([
    ["success", "succeeded ok 0"],
    ["success-policy", "succeeded ok 0"],
    ["on-failure", "succeeded ok 0"],
    ["oom-child-ok", "succeeded ok 0"],
    ["sidecar-oom-ok", "succeeded ok 0"],
    ["drained-well", "succeeded ok 0"],
    ["stopped", "cancelled cancel_requested 137"],
    ["stopped-gentle", "cancelled cancel_requested 0"],
    ["job-deleted", "cancelled job_deleted_outside 137"],
    ["job-deleted-foreground", "cancelled job_deleted_outside 137"],
    ["ended-then-deleted", "failed exit_code 3"],
    ["oom", "failed_oom memory_limit 137"],
    ["oom-child", "failed_oom memory_limit 137"],
    ["init-oom", "failed_oom memory_limit 137"],
    ["evicted", "failed_node_lost node_lost 137"],
    ["tainted", "failed_node_lost node_lost 137"],
    ["preempted", "failed_node_lost node_lost 137"],
    ["pod-deleted", "failed_node_lost pod_deleted 137"],
    ["node-deleted", "failed_node_lost node_lost null"],
    ["node-lost", "failed_node_lost node_lost 255"],
    ["ephemeral", "failed ephemeral_storage 137"],
    ["bad-name", "failed_image_pull image_name_invalid null"],
    ["never-pull", "failed_image_pull image_not_present null"],
    ["deadline-no-image", "failed_image_pull image_not_found null"],
    ["bad-command", "failed_config command_not_found null"],
    ["bad-dir", "failed_config bad_working_dir null"],
    ["deadline", "failed_timeout job_deadline 137"],
    ["exit-3", "failed exit_code 3"],
    ["exit-137", "failed maybe_oom 137"],
    ["self-term", "failed signal 143"],
    ["init-fails", "failed exit_code 4"],
    ["second-fails", "failed exit_code 6"],
    ["failure-policy", "failed exit_code 7"],
    ["retry-pods", "failed exit_code 3"],
    ["suspended", "pending pending_outside"],
    ["suspended-later", "running pending_outside"],
    ["quota", "pending quota_exceeded"],
  ])("%s: %s", (name, expected) => {
    expect(told(verdictOf(name))).toBe(expected);
  });

  test.each([
    ["no-image", 60, "pending image_not_found", "failed_image_pull image_not_found null"],
    ["init-no-image", 60, "pending image_not_found", "failed_image_pull image_not_found null"],
    ["no-secret", 30, "pending secret_missing", "failed_config secret_missing null"],
    ["no-volume", 30, "pending volume_unavailable", "failed_config volume_unavailable null"],
    ["admission", 30, "pending admission_refused", "failed_config admission_refused null"],
    ["no-account", 30, "pending bad_spec", "failed_config bad_spec null"],
    ["unschedulable", 600, "pending unschedulable", "failed_config unschedulable null"],
  ] as const)("%s may mend itself for %i seconds", (...[name, seconds, before, after]) => {
    const facts = factsOf(name, 5 * SECOND);
    const first = classify(facts, RECORDED_AT + 5 * SECOND);
    expect(told(first)).toBe(before);
    const dueAt = first.isFinal ? null : first.recheckAt;
    expect((dueAt ?? 0) - RECORDED_AT).toBeGreaterThanOrEqual(seconds * SECOND);
    expect((dueAt ?? 0) - RECORDED_AT).toBeLessThan((seconds + 5) * SECOND);
    expect(told(classify(facts, (dueAt ?? 0) - 1))).toBe(before);
    expect(told(classify(facts, dueAt ?? 0))).toBe(after);
  });

  test("a quota is waited for without end", () => {
    expect(told(verdictOf("quota", { after: 24 * 3_600 * SECOND }))).toBe("pending quota_exceeded");
  });

  test("a shorter grace for images is heeded", () => {
    const facts = factsOf("no-image", 8 * SECOND);
    expect(told(classify(facts, RECORDED_AT + 8 * SECOND, { ...DEFAULT_GRACES, imagePullMs: 5 * SECOND }))).toBe(
      "failed_image_pull image_not_found null",
    );
  });

  test.each(["node-lost", "node-deleted"])("%s is told while the pod still says that it runs", (name) => {
    expect(told(verdictOf(name, { at: 13_000 }))).toBe("running node_lost");
    const lost = classify(factsOf(name, 13_000), RECORDED_AT + 43_000);
    expect(told(lost)).toBe("failed_node_lost node_lost null");
    expect(lost.evidence["nodes"]).toMatchObject([{ ready: false }]);
    expect(told(verdictOf(name, { at: 18_000 }))).toBe("failed_node_lost node_lost null");
  });

  test("without the right to see nodes a loss is told once the cluster gives the pod up", () => {
    const facts = { ...factsOf("node-lost", 13_000), nodes: null };
    expect(told(classify(facts, RECORDED_AT + 80_000))).toBe("running null");
  });

  test("what went wrong on the way to a good end is kept as a warning", () => {
    expect(verdictOf("oom-child-ok").evidence["warnings"]).toMatchObject([{ what: "killed_for_memory", container: "main" }]);
    expect(verdictOf("sidecar-oom-ok").evidence["warnings"]).toMatchObject([
      { what: "killed_for_memory", container: "side" },
      { what: "sidecar_failed" },
    ]);
    expect(verdictOf("drained-well").evidence["warnings"]).toMatchObject([{ what: "disrupted", reason: "EvictionByEvictionAPI" }]);
    expect(verdictOf("on-failure-oom-ok").evidence["warnings"]).toMatchObject([{ what: "killed_for_memory" }]);
    expect(verdictOf("success").evidence["warnings"]).toBeUndefined();
  });

  test("a pod that is drained may still end well: nothing is said before its grace is over", () => {
    expect(told(verdictOf("drained-well", { at: 3_000 }))).toBe("running node_lost");
    expect(told(verdictOf("evicted", { at: 4_000, after: 20 * SECOND }))).toBe("running node_lost");
    expect(told(verdictOf("evicted", { at: 4_000, after: 60 * SECOND }))).toBe("failed_node_lost node_lost null");
  });

  test("a stop of ours is no end while its pods go on, and one if they never end", () => {
    expect(told(verdictOf("stopped", { at: 3_000 }))).toBe("running is_stopping");
    expect(told(verdictOf("stopped", { at: 3_000, after: 60 * SECOND }))).toBe("cancelled cancel_requested null");
  });

  test("evidence tells pod, node, containers and events", () => {
    expect(verdictOf("oom").evidence).toMatchObject({
      job: {
        name: "oom",
        namespace: "default",
        uid: "uid-1",
        conditions: [{ type: "FailureTarget" }, { type: "Failed", reason: "BackoffLimitExceeded" }],
      },
      pods: [
        {
          name: "oom-pod1",
          phase: "Failed",
          containers: [{ name: "main", memoryLimit: "32Mi", state: { is: "terminated", exitCode: 137, reason: "OOMKilled" } }],
        },
      ],
      events: expect.arrayContaining([expect.objectContaining({ kind: "Job", reason: "BackoffLimitExceeded" })]),
    });
  });
});

/** Edits of what was recorded: what is hard to bring about in a cluster, and what only comes together by chance. */
describe("what counts first", () => {
  const end = (container: ContainerFact, state: Partial<Terminated>): ContainerFact => ({
    ...container,
    hasStarted: true,
    state: {
      is: "terminated",
      exitCode: 1,
      signal: null,
      reason: "Error",
      message: null,
      startedAt: RECORDED_AT,
      finishedAt: RECORDED_AT + SECOND,
      ...state,
    },
  });
  const condition = (type: string, reason: string): ConditionFact => ({
    type,
    reason,
    status: "True",
    message: `${type} ${reason}`,
    since: RECORDED_AT + 9 * SECOND,
  });
  const withPod = (facts: JobFacts, change: (pod: PodFact) => PodFact): JobFacts => ({ ...facts, pods: facts.pods.map(change) });
  const outcomeOf = (facts: JobFacts, after = 3_600 * SECOND): string => told(classify(facts, RECORDED_AT + after));
  const oom = (pod: PodFact): PodFact => ({
    ...pod,
    containers: pod.containers.map((container) => end(container, { exitCode: 137, reason: "OOMKilled" })),
  });
  const disrupted = (pod: PodFact): PodFact => ({
    ...pod,
    conditions: [...pod.conditions, { ...condition("DisruptionTarget", "PreemptionByScheduler"), since: RECORDED_AT }],
  });

  test("complete before everything", () => {
    const facts = withPod(factsOf("success"), (pod) => disrupted(oom(pod)));
    expect(outcomeOf({ ...facts, job: { ...facts.job, stopFor: "cancelled", gone: { at: RECORDED_AT, seen: true } } })).toMatch(
      /^succeeded/u,
    );
  });

  test("a Job that has failed keeps its own end when we stop it then", () => {
    const facts = factsOf("exit-3");
    expect(outcomeOf({ ...facts, job: { ...facts.job, stopFor: "cancelled", gone: { at: RECORDED_AT + 10 * SECOND, seen: true } } })).toBe(
      "failed exit_code 3",
    );
  });

  test("what had ended by itself before our stop keeps its own end, though the Job never said so", () => {
    const facts = factsOf("exit-3");
    const job = { ...facts.job, conditions: [], stopFor: "cancelled", gone: { at: RECORDED_AT + 10 * SECOND, seen: true } } as const;
    expect(outcomeOf({ ...facts, job })).toBe("failed exit_code 3");
    const killed = withPod({ ...facts, job }, (pod) => ({ ...pod, deletion: { askedAt: RECORDED_AT, dueAt: RECORDED_AT + 5 * SECOND } }));
    expect(outcomeOf(killed)).toBe("cancelled cancel_requested 3");
  });

  test("a time limit and a replacement are told by what the stop was for", () => {
    const facts = factsOf("stopped");
    expect(outcomeOf({ ...facts, job: { ...facts.job, stopFor: "failed_timeout" } })).toBe("failed_timeout step_timeout 137");
    expect(outcomeOf({ ...facts, job: { ...facts.job, stopFor: "replaced" } })).toBe("cancelled replaced 137");
  });

  test("a Job that is gone unseen is never guessed about, unless its pod said enough", () => {
    const running = factsOf("job-deleted", 2_000);
    const gone = { at: RECORDED_AT + 5 * SECOND, seen: false };
    expect(outcomeOf({ ...running, job: { ...running.job, gone } })).toBe("failed vanished_unobserved null");
    const killed = withPod({ ...running, job: { ...running.job, gone } }, (pod) => oom({ ...pod, phase: "Failed" }));
    expect(outcomeOf(killed)).toBe("failed_oom memory_limit 137");
    const done = withPod({ ...running, job: { ...running.job, gone } }, (pod) => ({
      ...pod,
      phase: "Succeeded",
      containers: pod.containers.map((one) => end(one, { exitCode: 0 })),
    }));
    expect(outcomeOf(done)).toBe("succeeded ok 0");
  });

  test("memory before a lost node, a lost node before the deadline", () => {
    const late = factsOf("deadline");
    expect(outcomeOf(withPod(late, (pod) => disrupted(oom(pod))))).toMatch(/^failed_oom/u);
    expect(outcomeOf(withPod(late, disrupted))).toMatch(/^failed_node_lost/u);
  });

  test("a memory kill that was seen before counts when the pod says no more", () => {
    const late = factsOf("exit-137");
    const seen = withPod(late, (pod) => ({
      ...pod,
      containers: pod.containers.map((container) => ({ ...container, wasKilledForMemory: true })),
    }));
    expect(outcomeOf(seen)).toBe("failed_oom memory_limit 137");
    const byEvent = {
      ...late,
      events: [
        ...late.events,
        {
          uid: "e",
          kind: "Pod",
          name: late.pods[0]?.name ?? "",
          type: "Warning",
          reason: "OOMKilling",
          message: "",
          count: 1,
          firstAt: 0,
          lastAt: 0,
        },
      ],
    };
    expect(outcomeOf(byEvent)).toBe("failed_oom memory_limit 137");
  });

  test("where nothing ever began, image and configuration before the deadline", () => {
    const late = condition("Failed", "DeadlineExceeded");
    const image = factsOf("no-image", 5_000);
    expect(outcomeOf({ ...image, job: { ...image.job, conditions: [late] } })).toMatch(/^failed_image_pull/u);
    const secret = factsOf("no-secret", 5_000);
    expect(outcomeOf({ ...secret, job: { ...secret.job, conditions: [late] } })).toBe("failed_config secret_missing null");
    const none = factsOf("unschedulable", 5_000);
    expect(outcomeOf({ ...none, job: { ...none.job, conditions: [late] } })).toBe("failed_config unschedulable null");
    const quota = factsOf("quota", 5_000);
    expect(outcomeOf({ ...quota, job: { ...quota.job, conditions: [late] } })).toBe("failed_timeout job_deadline null");
  });

  test("the image is told by events alone when nobody remembers the pod", () => {
    expect(outcomeOf({ ...factsOf("deadline-no-image"), pods: [] })).toBe("failed_image_pull image_not_found null");
  });

  test("the last word of a Job is not that it is about to fail", () => {
    const facts = factsOf("deadline");
    const both = [condition("FailureTarget", "BackoffLimitExceeded"), condition("Failed", "DeadlineExceeded")];
    expect(outcomeOf({ ...facts, job: { ...facts.job, conditions: both } })).toMatch(/^failed_timeout/u);
    const first = { ...factsOf("deadline", 3_500), pods: factsOf("deadline", 3_500).pods };
    expect(
      told(
        classify({ ...first, job: { ...first.job, conditions: [condition("FailureTarget", "DeadlineExceeded")] } }, RECORDED_AT + 4_000),
      ),
    ).toMatch(/^running/u);
  });

  test("a failure whose pod never ends is told after its grace", () => {
    const facts = factsOf("deadline", 3_500);
    const job = { ...facts.job, conditions: [condition("FailureTarget", "DeadlineExceeded")] };
    expect(outcomeOf({ ...facts, job }, 120 * SECOND)).toMatch(/^failed_timeout/u);
  });

  test("a Job that the cluster tries again ends by its own word only", () => {
    const facts = factsOf("evicted", 6_000);
    expect(outcomeOf(facts)).toMatch(/^failed_node_lost/u);
    expect(outcomeOf({ ...facts, job: { ...facts.job, isRetrying: true } })).toMatch(/^running/u);
  });

  test("a drained pod that was replaced does not decide; the last one does", () => {
    const facts = factsOf("exit-3");
    const [pod] = facts.pods;
    if (pod === undefined) throw new Error("no pod");
    const earlier = disrupted({ ...pod, uid: "uid-0", name: "earlier", createdAt: pod.createdAt - SECOND });
    expect(outcomeOf({ ...facts, pods: [pod, earlier] })).toBe("failed exit_code 3");
  });

  test("nodes that are short of something evict, and pods that use too much are evicted", () => {
    const failed = (message: string): JobFacts => withPod(factsOf("exit-3"), (pod) => ({ ...pod, reason: "Evicted", message }));
    expect(outcomeOf(failed("The node was low on resource: memory."))).toBe("failed_node_lost node_lost 3");
    expect(outcomeOf(failed("Pod ephemeral local storage usage exceeds the total limit of containers 1Mi."))).toBe(
      "failed ephemeral_storage 3",
    );
    expect(outcomeOf(failed('Container main exceeded its local ephemeral storage limit "1Mi".'))).toBe("failed ephemeral_storage 3");
  });

  test.each([
    [
      "ErrImagePull",
      "pull access denied, repository does not exist or may require authorization: authorization failed",
      "image_unauthorized",
    ],
    [
      "ErrImagePull",
      "failed to do request: Head https://r.example.org/v2/: dial tcp: lookup r.example.org: no such host",
      "registry_unreachable",
    ],
    ["RegistryUnavailable", "", "registry_unreachable"],
    ["ImagePullBackOff", "manifest unknown", "image_not_found"],
    ["ImageInspectError", "something else", "image_pull_failed"],
  ])("%s, %s: %s", (reason, message, expected) => {
    const facts = withPod(factsOf("no-image", 5_000), (pod) => ({
      ...pod,
      containers: pod.containers.map((container) => ({ ...container, state: { is: "waiting", reason, message } as const })),
    }));
    expect(outcomeOf({ ...facts, events: [] })).toBe(`failed_image_pull ${expected} null`);
  });

  test("a mount that failed and went well later is forgotten", () => {
    const facts = factsOf("no-volume", 5_000);
    const mount = facts.events.find(({ reason }) => reason === "FailedMount");
    if (mount === undefined) throw new Error("no event");
    expect(outcomeOf(facts)).toBe("failed_config volume_unavailable null");
    expect(
      outcomeOf({ ...facts, events: [...facts.events, { ...mount, uid: "later", reason: "Pulling", lastAt: mount.lastAt + SECOND }] }),
    ).toBe("pending null");
  });
});
