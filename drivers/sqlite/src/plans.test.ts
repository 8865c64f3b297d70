/** How SQLite goes about lists, counts and walks: a store of a million jobs answers only when none of them reads all of it. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { DeadLetterFilter, JobFilter, LiveFilter } from "@windlass/ports";
import {
  auditQueries,
  countQueries,
  deadLetterQuery,
  listQueries,
  occurrenceQuery,
  scheduleQuery,
  scheduleStatements,
  type SqlValue,
} from "@windlass/sql";
import { Database } from "./database.ts";
import { live } from "./job-queries.ts";
import { listQueues } from "./queues.ts";

let db: Database;
beforeAll(() => {
  db = new Database(":memory:");
  db.migrate();
});
afterAll(() => db.close());

function planOf(sql: string, values: readonly SqlValue[]): string {
  const rows = db.all(`EXPLAIN QUERY PLAN ${sql}`, values);
  return rows.map((row) => row[3]).join("; ");
}

/** The plan of what a function asks. */
function planOfCall(call: (on: Database) => unknown): string {
  let plan = "";
  const spy = Object.create(db, {
    all: { value: (sql: string, values: readonly SqlValue[]) => ((plan = planOf(sql, values)), []) },
  }) as Database;
  call(spy);
  return plan;
}

const LABEL = { key: "a", value: "b" };
const lists: readonly [string, Omit<JobFilter, "workspace" | "limit">, RegExp][] = [
  ["everything", {}, /^SEARCH j USING INDEX jobs_by_workspace \(workspace=\?\)/u],
  ["roots", { rootsOnly: true }, /^SEARCH j USING INDEX jobs_by_workspace \(workspace=\?\)/u],
  ["a label", { label: LABEL }, /^SEARCH f USING PRIMARY KEY \(workspace=\? AND label=\? AND value=\?\)/u],
  [
    "what ended with a label",
    { label: LABEL, states: ["succeeded", "failed"] },
    /^SEARCH f USING PRIMARY KEY \(workspace=\? AND label=\?/u,
  ],
  ["what lives with a label", { label: LABEL, states: ["queued", "running"] }, /^SCAN l; .*SEARCH f EXISTS USING PRIMARY KEY/u],
  ["a kind", { kind: "task" }, /jobs_by_kind \(workspace=\? AND kind=\?\)/u],
  ["a name", { name: "n" }, /jobs_by_name \(workspace=\? AND name=\?\)/u],
  ["what failed", { states: ["failed"] }, /^SEARCH e USING INDEX ends_by_state \(workspace=\? AND state=\?\)/u],
  ["what ended", { states: ["succeeded", "failed"] }, /^SEARCH e USING INDEX ends_by_state \(workspace=\? AND state=\?\)/u],
  ["what failed of a name", { states: ["failed"], name: "n" }, /^SEARCH e USING INDEX ends_by_state/u],
  ["what succeeded of a name", { states: ["succeeded"], name: "n" }, /^SEARCH j USING INDEX jobs_by_name/u],
  ["what succeeded of a kind", { states: ["succeeded"], kind: "workflow" }, /^SEARCH j USING INDEX jobs_by_kind/u],
  ["what waits or runs", { states: ["queued", "running"] }, /^SCAN l; SEARCH j USING INDEX \w+ \(.*id=\?\)/u],
  ["what runs", { states: ["running"] }, /^SEARCH l USING INDEX live_state \(state=\?\)/u],
];

test.each(lists)("a list of %s is walked in its order", (_, filter, expected) => {
  for (const { sql, values } of listQueries({ workspace: "w", limit: 50, ...filter }, () => "?")) {
    const plan = planOf(sql, values);
    expect(plan).toMatch(expected);
    expect(plan).not.toMatch(/TEMP B-TREE|LIST SUBQUERY/u);
  }
});

const ofQueue: readonly [string, Omit<JobFilter, "workspace" | "limit" | "queue">, RegExp][] = [
  ["everything", {}, /^SEARCH j USING INDEX jobs_by_queue \(workspace=\? AND queue=\?\)/u],
  ["what waits", { states: ["scheduled", "queued"] }, /^SEARCH j USING INDEX jobs_by_queue \(workspace=\? AND queue=\?\)/u],
  ["what runs", { states: ["running", "waiting"] }, /^SEARCH l USING INDEX live_state \(state=\?\)/u],
  ["what succeeded", { states: ["succeeded"] }, /^SEARCH j USING INDEX jobs_by_queue \(workspace=\? AND queue=\?\)/u],
  ["what failed", { outcome: "failed_timeout" }, /^SEARCH e USING INDEX ends_by_state \(workspace=\? AND state=\?\)/u],
];

test.each(ofQueue)("a list of %s of a queue goes through no other queue, and sorts nothing", (_, filter, expected) => {
  for (const { sql, values } of listQueries({ workspace: "w", queue: "q", limit: 50, ...filter }, () => "?")) {
    const plan = planOf(sql, values);
    expect(plan).toMatch(expected);
    expect(plan).not.toMatch(/TEMP B-TREE/u);
  }
});

test("the figures of queues are counted without reading a job that is ready, queue by queue", () => {
  const plans: string[] = [];
  const queues = [["handler", "a"]];
  const spy = Object.create(db, {
    all: { value: (sql: string, values: readonly SqlValue[] = []) => (plans.push(planOf(sql, values)), []) },
    get: { value: (sql: string, values: readonly SqlValue[] = []) => (plans.push(planOf(sql, values)), queues.shift()) },
  }) as Database;
  listQueues(spy);
  const next = expect.stringMatching(/^SEARCH jobs_live USING COVERING INDEX live_ready \(\(executor,queue\)>\(\?,\?\)\)$/u);
  const counted = expect.stringMatching(/SEARCH jobs_live USING COVERING INDEX live_ready \(executor=\? AND queue=\?\)/u);
  expect(plans.slice(1)).toEqual([
    next,
    counted,
    next,
    expect.stringMatching(/INDEX live_blocked/u),
    expect.stringMatching(/INDEX live_state/u),
  ]);
  expect(plans.join(" ")).not.toMatch(/TEMP B-TREE FOR ORDER/u);
});

const trees: readonly [string, Omit<JobFilter, "workspace" | "limit">, RegExp][] = [
  ["children", { parentId: "job_1" }, /^SEARCH j USING INDEX jobs_by_parent/u],
  ["children that failed", { parentId: "job_1", states: ["failed"] }, /^SEARCH j USING INDEX jobs_by_parent/u],
  ["children that live", { parentId: "job_1", states: ["queued", "running"] }, /^SEARCH l USING INDEX live_parent/u],
  ["a tree", { rootId: "job_1" }, /^MULTI-INDEX OR.*jobs_by_root/u],
  ["what lives of a tree", { rootId: "job_1", states: ["queued", "running"] }, /^MULTI-INDEX OR.*jobs_by_root/u],
];

test.each(trees)("%s: found without going through the workspace", (_, filter, expected) => {
  for (const { sql, values } of listQueries({ workspace: "w", limit: 50, ...filter }, () => "?"))
    expect(planOf(sql, values)).toMatch(expected);
});

test.each(["scheduled", "queued", "running", "waiting", "stopping"] as const)("%s jobs are counted from live ones", (state) => {
  for (const sql of countQueries(state, () => "?")) expect(planOf(sql, ["w", 10])).toMatch(/(SCAN|SEARCH) l USING COVERING INDEX live_/u);
});

const walks: readonly [string, LiveFilter, RegExp][] = [
  ["what a session holds", { session: "ses_1" }, /USING INDEX live_held/u],
  ["what of it is to stop", { session: "ses_1", states: ["stopping"] }, /USING INDEX live_state \(state=\?\)/u],
  ["what lost its session", { forsaken: true, after: "" }, /USING INDEX live_held/u],
  ["what lost its parent", { orphaned: true, after: "" }, /USING INDEX live_parent/u],
  ["what is at a place", { place: "here", after: "" }, /USING INDEX live_place/u],
  ["some by their ids", { ids: ["job_1", "job_2"] }, /^SEARCH l USING PRIMARY KEY \(id=\?\)/u],
  ["children", { parentId: "job_1", after: "" }, /USING INDEX live_parent/u],
];

test.each(walks)("%s: found without going through what waits", (_, filter, expected) => {
  expect(planOfCall((on) => live(on, filter, 500))).toMatch(expected);
});

test("the audit of several workspaces is walked in its order in each, and never sorted", () => {
  const queries = auditQueries({ workspaces: ["a", "b"], limit: 50 }, () => "?");
  expect(queries).toHaveLength(2);
  for (const { sql, values } of queries) expect(planOf(sql, values)).toBe("SEARCH audit USING INDEX audit_by_workspace (workspace=?)");
});

const letters: readonly Omit<DeadLetterFilter, "workspace" | "limit">[] = [{}, { queue: "q" }, { redriven: false }];

test.each(letters)("dead letters %o are walked in their order", (filter) => {
  const { sql, values } = deadLetterQuery({ workspace: "w", limit: 50, ...filter }, () => "?");
  expect(planOf(sql, values)).not.toMatch(/TEMP B-TREE/u);
});

const SCHEDULES = scheduleStatements(() => "?");
test.each<[string, readonly [string, readonly SqlValue[]], RegExp]>([
  [
    "schedules that are due",
    [SCHEDULES.due, [0, 0, "", 9]],
    /^SCALAR SUBQUERY 1; SCAN CONSTANT ROW; SEARCH c USING INDEX schedules_due \(\(next_at,schedule_id\)>\(\?,\?\) AND next_at<\?\)/u,
  ],
  ["the next one that is due", [SCHEDULES.nextDue, []], /schedules_due/u],
  ["a schedule", [SCHEDULES.get, ["w", "n"]], /^SEARCH s USING INDEX schedules_by_name \(workspace=\? AND name=\?\)/u],
  ["old rows of the ledger", [SCHEDULES.prune, [1, 9]], /SEARCH occurrences USING INDEX occurrences_by_age \(decided_at<\?\)/u],
  [
    "rows that are taken back",
    [SCHEDULES.takeBack, ["s", 1]],
    /SEARCH occurrences USING PRIMARY KEY \(schedule_id=\? AND nominal_at>\?\)/u,
  ],
])("%s are found by an index", (_, [sql, values], expected) => {
  const plan = planOf(sql, values);
  expect(plan).toMatch(expected);
  expect(plan).not.toMatch(/TEMP B-TREE|SCAN c\b|SCAN s\b/u);
});

test("schedules and their history are walked in their order", () => {
  const history = occurrenceQuery({ scheduleId: "s", decisions: ["missed"], after: { nominalAt: 1, run: "" }, limit: 9 }, () => "?");
  const list = scheduleQuery({ workspace: "w", after: { workspace: "w", name: "a" }, limit: 9 }, () => "?");
  expect(planOf(history.sql, history.values)).toMatch(/SEARCH occurrences USING PRIMARY KEY \(schedule_id=\? AND /u);
  expect(planOf(list.sql, list.values)).toMatch(/SEARCH s USING INDEX schedules_by_name \(workspace=\?/u);
  for (const { sql, values } of [history, list]) expect(planOf(sql, values)).not.toMatch(/TEMP B-TREE/u);
});

test.each([
  "INSERT INTO jobs_live (id, state) VALUES (?, ?)",
  "UPDATE jobs_live SET state = ? WHERE id = ?",
  "INSERT INTO job_ends (job_id, state) VALUES (?, ?)",
])("what is written for each job looks its state up in no list: %s", (sql) => {
  const steps = db.all(`EXPLAIN ${sql}`).map((row) => row[1]);
  expect(steps).toContain("Halt");
  expect(steps).not.toContain("OpenEphemeral");
});
