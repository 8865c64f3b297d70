/** The faults that are brought about on a real cluster, each with what must be so afterwards besides what `check-history.ts` holds. */
import assert from "node:assert/strict";
import { setTimeout as after } from "node:timers/promises";
import { freezeKubelet, killApiServer } from "@windlass/testkit/lab-strikes";
import { until } from "../../e2e/stranger.ts";
import { eventually, step, TOKEN, type FaultSite } from "./fault-site.ts";
import { forgedJob } from "./forged-job.ts";

export interface Fault {
  readonly name: string;
  readonly play: (site: FaultSite) => Promise<void>;
}

/** A namespace that goes so soon after an end takes the pods with it. */
const REMOVED_AFTER_MS = 5_000;
const MANY = 200;
/** Long lines, for a container writes a short one as slowly. */
const LINE = "0".repeat(1_000);

export const FAULTS: readonly Fault[] = [
  { name: "API server killed and begun again while Jobs run", play: apiServerRestarted },
  { name: "watch cut, and its version forgotten (410)", play: watchForgotten },
  { name: "server away at the end of a Job", play: serverAway },
  { name: "server killed between create and record", play: serverKilledAtCreate },
  { name: "watcher killed, the next one takes its turn", play: watcherKilled },
  { name: "two watchers that tell the same", play: twoWatchers },
  { name: "wrong token, mended", play: wrongToken },
  { name: "Job and pod removed by hand", play: removedByHand },
  { name: "Jobs made by hand under our labels", play: madeByHand },
  { name: "kubelet that stands still, and goes on", play: kubeletFrozen },
  { name: "namespace removed 5 s after the end, 10 MB of logs", play: namespaceRemoved },
  { name: "logs rotated while they are followed", play: logsRotated },
  { name: "logs rotated while no watcher runs", play: logsRotatedUnseen },
  { name: `${MANY} Jobs at once`, play: manyAtOnce },
];

async function apiServerRestarted(site: FaultSite): Promise<void> {
  await site.serve();
  await site.watch();
  const id = await site.run(step(site)("short", "sleep 4; echo short"), step(site)("long", "sleep 15; echo long; exit 3"));
  const [short = "", long = ""] = await site.running(id, "short", "long");
  const killed = await killApiServer(site.address);
  await killed.start();
  assert.equal((await ended(site, id)).state, "failed");
  assert.deepEqual(await outcomes(site, short), ["succeeded ok"]);
  assert.deepEqual(await outcomes(site, long), ["failed exit_code"]);
  await hasLog(site, { job: short }, "short\n");
  await hasLog(site, { job: long }, "long\n");
}

async function watchForgotten(site: FaultSite): Promise<void> {
  await site.serve();
  const door = await site.door();
  const watcher = await site.watch({ KUBECONFIG: door.kubeconfig });
  const id = await site.run(step(site)("work", "sleep 5; echo late; exit 4"));
  const [work = ""] = await site.running(id, "work");
  door.cut();
  await eventually("the Job to fail", async () => ((await failedJobs(site)) > 0 ? true : undefined));
  // An API server that begins anew remembers no version from before.
  const killed = await killApiServer(site.address);
  await killed.start();
  door.open();
  assert.equal((await ended(site, id)).state, "failed");
  assert.deepEqual(await outcomes(site, work), ["failed exit_code"]);
  assert.match(await site.watcherMetrics(watcher), /watch_restarts_total\{resource="jobs",why="expired"\} [1-9]/u);
  await hasLog(site, { job: work }, "late\n");
}

async function serverAway(site: FaultSite): Promise<void> {
  await site.serve();
  const watcher = await site.watch();
  const id = await site.run(step(site)("work", "sleep 4; echo late; exit 4"));
  const [work = ""] = await site.running(id, "work");
  await site.endServer("SIGTERM");
  await eventually("the Job to fail", async () => ((await failedJobs(site)) > 0 ? true : undefined));
  await until(watcher, "the server did not take an end");
  await site.serve();
  assert.equal((await ended(site, id)).state, "failed");
  assert.deepEqual(await outcomes(site, work), ["failed exit_code"]);
  await hasLog(site, { job: work }, "late\n");
}

async function serverKilledAtCreate(site: FaultSite): Promise<void> {
  await site.serve();
  await site.watch();
  const id = await site.run(step(site)("work", "sleep 1; echo done"));
  // From the moment that it is there: before its record, before it begins, or just after, as it comes.
  await eventually("the Job", async () => ((await site.kubectl("get", "jobs", "-o", "name")) === "" ? undefined : true));
  await site.endServer("SIGKILL");
  await site.serve();
  assert.equal((await ended(site, id)).state, "succeeded");
}

async function watcherKilled(site: FaultSite): Promise<void> {
  await site.serve();
  const first = await site.watch();
  await until(first, "it watches the cluster");
  const second = await site.watch();
  await until(second, "waits for its turn");
  const id = await site.run(step(site)("work", "sleep 3; echo late; exit 4"));
  const [work = ""] = await site.running(id, "work");
  first.kill("SIGKILL");
  await first.ended;
  assert.equal((await ended(site, id)).state, "failed");
  assert.deepEqual(await outcomes(site, work), ["failed exit_code"]);
  await hasLog(site, { job: work }, "late\n");
}

async function twoWatchers(site: FaultSite): Promise<void> {
  await site.serve();
  const alone = { WINDLASS_WATCHER_TURN: "none" };
  const watchers = await Promise.all([site.watch(alone), site.watch(alone)]);
  const id = await site.run(...["a", "b", "c"].map((name) => step(site)(name, `echo ${name}; sleep 1; echo ${name}`)));
  assert.equal((await ended(site, id)).state, "succeeded");
  for (const [name, { id: job }] of await site.steps(id)) await hasLog(site, { job }, `${name}\n${name}\n`);
  // The one that came second was told that it is known.
  await eventually("both to have told all", async () => {
    const texts = await Promise.all(watchers.map((one) => site.watcherMetrics(one)));
    const told = texts.map((text) => ["accepted", "duplicate"].reduce((sum, result) => sum + posts(text, result), 0));
    return told.every((count) => count === 3) && texts.reduce((sum, text) => sum + posts(text, "accepted"), 0) === 3 ? true : undefined;
  });
}

async function wrongToken(site: FaultSite): Promise<void> {
  await site.serve();
  site.here.write("token", "a-wrong-token-of-some-length");
  const watcher = await site.watch({}, "--token-file", "token");
  const id = await site.run(step(site)("work", "echo done"));
  await until(watcher, "told again");
  site.here.write("token", TOKEN);
  assert.equal((await ended(site, id)).state, "succeeded");
}

async function removedByHand(site: FaultSite): Promise<void> {
  await site.serve();
  await site.watch();
  const id = await site.run(step(site)("removed", "sleep 300"), step(site)("podless", "[ $WINDLASS_ATTEMPT -gt 1 ] || sleep 300"));
  const [job = "", pod = ""] = await site.running(id, "removed", "podless");
  const [attempt] = await site.attempts(job);
  await site.kubectl("delete", "job", attempt?.externalName ?? "", "--wait=false");
  await site.kubectl("delete", "pod", "-l", `windlass.dev/job-id=${pod}`, "--wait=false");
  await ended(site, id);
  assert.deepEqual(await outcomes(site, job), ["cancelled job_deleted_outside"]);
  assert.deepEqual(await outcomes(site, pod), ["failed_node_lost pod_deleted", "succeeded ok"]);
}

async function madeByHand(site: FaultSite): Promise<void> {
  await site.serve();
  const watcher = await site.watch();
  const id = await site.run(step(site)("work", "echo done"), step(site)("waits", "sleep 20; echo done"));
  const [waits = ""] = await site.running(id, "waits");
  const work = (await eventually("the step", async () => (await site.steps(id)).get("work"))).id;
  await eventually("its end", async () => ((await site.steps(id)).get("work")?.state === "succeeded" ? true : undefined));
  const before = (await site.api().jobs.events({ id: work, limit: 100 })).items.length;
  // Of a job that is not there, of one that has ended, and of one that goes on.
  const forged = { made: "job_made0up", ended: work, running: waits };
  for (const [name, job] of Object.entries(forged)) {
    site.here.write(`${name}.json`, forgedJob({ name: `forged-${name}`, job, image: site.image }));
    await site.kubectl("create", "-f", `${site.here.folder}/${name}.json`);
  }
  for (const name of Object.keys(forged))
    await eventually(`the answer to forged-${name}`, () => (isAnswered(watcher.printed(), `forged-${name}`) ? true : undefined));
  assert.match(await site.serverMetrics(), /windlass_container_callback_stale_total\{[^}]*unknown_job[^}]*\} 1/u);
  assert.equal((await site.api().jobs.events({ id: work, limit: 100 })).items.length, before);
  assert.equal((await site.steps(id)).get("waits")?.state, "running");
  for (const name of Object.keys(forged)) await site.kubectl("delete", "job", `forged-${name}`, "--wait=false");
  assert.equal((await ended(site, id)).state, "succeeded");
}

async function kubeletFrozen(site: FaultSite): Promise<void> {
  await site.serve();
  await site.watch();
  const node = "node-3";
  const more = {
    tool: `nodeSelector: {kubernetes.io/hostname: ${node}}`,
    step: "retry: {limit: 1, on: [failed_node_lost], backoff: {initial: 1s}}",
  };
  const id = await site.run(step(site)("work", "sleep 30; echo done", more));
  const [work = ""] = await site.running(id, "work");
  const goOn = freezeKubelet(site.address, node);
  try {
    await eventually("the loss to be told", async () =>
      (await site.attempts(work))[0]?.outcome === "failed_node_lost" ? true : undefined,
    );
  } finally {
    goOn();
  }
  assert.equal((await ended(site, id)).state, "succeeded");
  assert.deepEqual(await outcomes(site, work), ["failed_node_lost node_lost", "succeeded ok"]);
}

async function namespaceRemoved(site: FaultSite): Promise<void> {
  await site.serve();
  await site.watch();
  const lines = 10_000;
  const setup = `initContainers: [{name: setup, image: "${site.image}", command: [sh, -c, "echo set up"]}]`;
  const side = `sidecars: [{name: side, image: "${site.image}", command: [sh, -c, "echo beside; sleep 300"]}]`;
  const id = await site.run(step(site)("work", printing(lines), { tool: `${setup}, ${side}` }));
  const work = (await eventually("the step", async () => (await site.steps(id)).get("work"))).id;
  await eventually("its container to have ended", async () => {
    const path = "jsonpath={.items[*].status.containerStatuses[?(@.name=='main')].state.terminated.exitCode}";
    return (await site.kubectl("get", "pods", "-l", `windlass.dev/job-id=${work}`, "-o", path)) === "0" ? true : undefined;
  });
  await after(REMOVED_AFTER_MS);
  await site.kubectl("delete", "namespace", site.namespace, "--wait=false");
  assert.equal((await ended(site, id)).state, "succeeded");
  await hasLog(site, { job: work }, printed(lines));
  await hasLog(site, { job: work, container: "setup" }, "set up\n");
  await hasLog(site, { job: work, container: "side" }, "beside\n");
}

async function logsRotated(site: FaultSite): Promise<void> {
  await site.serve();
  await site.watch();
  // A kubelet looks each ten seconds whether a log has become larger than 10 MiB.
  const lines = 30_000;
  const id = await site.run(step(site)("work", printing(lines, "[ $((i % 1000)) -eq 0 ] && sleep 1")));
  assert.equal((await ended(site, id)).state, "succeeded");
  await hasLog(site, { job: (await site.steps(id)).get("work")?.id ?? "" }, printed(lines));
}

/** The next one finds a log that began anew, and of which some is gone: what is left follows what was told, behind a mark. */
async function logsRotatedUnseen(site: FaultSite): Promise<void> {
  await site.serve();
  const watcher = await site.watch();
  const lines = 30_000;
  // Slowly at first and at last; in between what fills a log twice, and long enough nothing that the kubelet begins it anew.
  const slowly = "[ $i -lt 2000 -o $i -gt 28000 ] && [ $((i % 1000)) -eq 0 ] && sleep 3; [ $i -eq 20000 ] && sleep 25; true";
  const id = await site.run(step(site)("work", printing(lines, slowly), { tool: "timeout_seconds: 600" }));
  const [work = ""] = await site.running(id, "work");
  await eventually("the first lines", async () => ((await site.log(work)).includes("\n500 ") ? true : undefined));
  watcher.kill("SIGKILL");
  await watcher.ended;
  const told = (await site.log(work)).split("\n").length - 1;
  const pod = (await site.kubectl("get", "pods", "-l", `windlass.dev/job-id=${work}`, "-o", "jsonpath={.items[0].metadata.name}")).trim();
  await eventually("the log to have begun anew", async () => {
    const first = await site.kubectl("logs", pod, "--limit-bytes=10");
    return Number(first.split(" ")[0]) > told ? true : undefined;
  });
  await site.watch();
  assert.equal((await ended(site, id)).state, "succeeded");
  const wanted = new RegExp(`^0 .*\\n\\[windlass: some may be missing here: [^\\n]+\\]\\n.*\\n${lines - 1} 0+\\n$`, "su");
  let text = "";
  await eventually("its last line", async () => {
    text = await site.log(work);
    return wanted.test(text) ? true : undefined;
  });
  const numbers = text.split("\n").flatMap((line) => (/^\d+ /u.test(line) ? [Number(line.split(" ")[0])] : []));
  assert.ok(
    numbers.every((number, i) => i === 0 || number > (numbers[i - 1] ?? 0)),
    "a line was told twice, or out of order",
  );
}

async function manyAtOnce(site: FaultSite): Promise<void> {
  await site.serve();
  await site.watch();
  const names = Array.from({ length: MANY }, (_, i) => `s${i}`);
  const id = await site.run(
    ...names.map((name) => step(site)(name, `echo ${name}`, { tool: "resources: {requests: {cpu: 1m, memory: 1Mi}}" })),
  );
  assert.equal((await ended(site, id)).state, "succeeded");
  for (const [name, { id: job }] of await site.steps(id)) await hasLog(site, { job }, `${name}\n`);
}

function printing(lines: number, each = ""): string {
  return `l=$(printf %0${LINE.length}d 0); i=0; while [ $i -lt ${lines} ]; do echo "$i $l"; i=$((i+1)); ${each === "" ? "" : `${each}; `}done`;
}

function printed(lines: number): string {
  return Array.from({ length: lines }, (_, i) => `${i} ${LINE}\n`).join("");
}

/** How often it told an end that was answered so. */
function posts(metrics: string, result: string): number {
  return Number(new RegExp(`posts_total\\{kind="end",result="${result}"\\} (\\d+)`, "u").exec(metrics)?.[1] ?? 0);
}

function isAnswered(printed: string, name: string): boolean {
  return printed.split("\n").some((line) => line.includes(`"${name}"`) && line.includes('"stale"'));
}

async function failedJobs(site: FaultSite): Promise<number> {
  return Number(await site.kubectl("get", "jobs", "-o", "jsonpath={.items[0].status.failed}"));
}

async function ended(site: FaultSite, id: string): Promise<{ readonly state: string }> {
  return eventually(`${id} to end`, async () => {
    const job = await site.api().jobs.get({ id });
    return ["succeeded", "failed", "cancelled"].includes(job.state) ? job : undefined;
  });
}

async function outcomes(site: FaultSite, job: string): Promise<readonly string[]> {
  return (await site.attempts(job)).map(({ outcome, reason }) => `${outcome} ${reason}`);
}

/** Logs may come some time after the end. */
async function hasLog(
  site: FaultSite,
  { job, container }: { readonly job: string; readonly container?: string },
  text: string,
): Promise<void> {
  let last = "";
  await eventually(`the log of ${job}`, async () => {
    last = await site.log(job, container);
    return last === text ? true : undefined;
  }).catch(() =>
    assert.fail(
      `the log of ${job} ${container ?? ""} has ${last.length} characters instead of ${text.length}: ${differenceOf(last, text)}`,
    ),
  );
}

function differenceOf(found: string, wanted: string): string {
  const [left, right] = [found.split("\n"), wanted.split("\n")];
  const at = right.findIndex((line, i) => line !== left[i]);
  return `line ${at + 1} is ${JSON.stringify(left[at]?.slice(0, 60))} and not ${JSON.stringify(right[at]?.slice(0, 60))}`;
}
