/** What Windlass can use when it is there: a server, a store, container engines, a cluster, a message broker, the time. */
import { messageOf } from "@windlass/kernel";
import { isClusterWanted } from "../compose/cluster-executor.ts";
import { settingsFrom } from "../compose/settings.ts";
import { storeNameOf } from "../compose/store-name.ts";
import type { Connection } from "../connection/connect.ts";
import type { Environment } from "../machine/environment.ts";
import { systemClock } from "../machine/system-clock.ts";
import { answerOf, NOT_INSTALLED } from "./answer-of.ts";
import type { Check, Looked } from "./check.ts";
import { skewOf, withTimeService } from "./skew.ts";

/** What has not been reached by then is as good as absent. */
const ANSWER_MS_MAX = 3_000;
const NATS_USUAL = "nats://127.0.0.1:4222";
/** A commit of a job makes several round trips. */
const LATENCY_MS_MAX = 20;

export function checksOfSurroundings(environment: Environment, connection: Connection): readonly Check[] {
  const store = environment["WINDLASS_STORE_URL"] ?? "";
  return [
    { name: "server", gives: "carries jobs out", look: () => lookAtServer(connection) },
    { name: "clock", gives: "start deadlines and schedules at the same time everywhere", look: () => lookAtClock(connection) },
    { name: "postgres", gives: "several servers on one store", look: () => lookAtStore(store) },
    { name: "containers", gives: "steps that run in containers", look: () => lookAtContainers(environment) },
    { name: "kubernetes", gives: "containers on a Kubernetes cluster", look: () => lookAtCluster(environment) },
    {
      name: "nats",
      gives: "a queue between dispatcher and spawner, where they run apart",
      look: () => lookAtNats(environment),
    },
  ];
}

async function lookAtServer({ client, url }: Connection): Promise<Looked> {
  try {
    const info = await client.system.info();
    return { found: `${info.version} at ${url}, store ${info.store}` };
  } catch (error) {
    return { status: "missing", found: messageOf(error).replace(/; start one.*$/u, ""), mend: "windlass server" };
  }
}

async function lookAtClock(connection: Connection): Promise<Looked> {
  const answer = answerOf("timedatectl", ["show", "--property=NTPSynchronized", "--value"]);
  return withTimeService(await lookAtSkew(connection), await answer);
}

async function lookAtSkew({ client }: Connection): Promise<Looked> {
  const askedAt = systemClock.now();
  try {
    const theirs = Date.parse((await client.system.info()).now);
    return skewOf({ askedAt, answeredAt: systemClock.now(), theirs }, "the server's");
  } catch {
    return { status: "missing", found: "there is no server to compare with" };
  }
}

async function lookAtStore(url: string): Promise<Looked> {
  if (url === "")
    return {
      status: "missing",
      found: "WINDLASS_STORE_URL is not set; jobs are kept in SQLite",
      mend: "windlass server --store postgres://USER@HOST/DATABASE",
    };
  storeNameOf(url);
  const { probePostgres } = await import("@windlass/postgres");
  const { version, latencyMs, clockReading, settings } = await probePostgres({ url, clock: systemClock, msMax: ANSWER_MS_MAX });
  const told = `${version}, answers in ${Math.round(latencyMs * 10) / 10} ms`;
  const weak = ["fsync", "synchronous_commit", "full_page_writes"].filter((name) => settings[name] === "off");
  const [first] = weak;
  if (first !== undefined)
    return {
      status: "warning",
      found: `${told}; ${weak.join(" and ")} off: what was acknowledged may be lost in a crash`,
      mend: `ALTER SYSTEM SET ${first} = on; SELECT pg_reload_conf();`,
    };
  if (latencyMs > LATENCY_MS_MAX)
    return { status: "warning", found: `${told}: each commit waits for that`, mend: "run the server nearer to its database" };
  const skew = skewOf(clockReading, "the database's");
  return skew.status === "warning" ? { ...skew, found: `${told}; this clock is ${skew.found}` } : { found: told };
}

/** By the socket that a server would use; where there is none, the programs tell what is missing. */
async function lookAtContainers(environment: Environment): Promise<Looked> {
  const { findEngine } = await import("@windlass/docker");
  let failure: string | null = null;
  try {
    const host = environment["WINDLASS_DOCKER_HOST"] ?? "";
    const engine = await findEngine({ host, environment, clock: systemClock, answerMsMax: ANSWER_MS_MAX });
    engine?.engine.client.close();
    if (engine !== null) return { found: `${engine.told} runs containers` };
  } catch (error) {
    failure = messageOf(error);
  }
  const engines = [
    { program: "docker", args: ["version", "--format", "{{.Server.Version}}"] },
    { program: "podman", args: ["info", "--format", "{{.Version.Version}}"] },
  ];
  const answers = await Promise.all(engines.map(async ({ program, args }) => ({ program, ...(await answerOf(program, args)) })));
  const good = answers.find(({ failure }) => failure === null);
  if (good !== undefined)
    return {
      status: "missing",
      found: `${good.program} ${good.text} is there, but no engine listens where one usually does${failure === null ? "" : `: ${failure}`}`,
      mend:
        good.program === "podman"
          ? "systemctl enable --now podman.socket, or: podman system service --time=0"
          : "DOCKER_HOST=unix:///path/of/its/socket",
    };
  const found = failure ?? answers.map(({ program, failure: why }) => `${program}: ${why ?? ""}`).join("; ");
  const there = answers.find(({ failure }) => failure !== NOT_INSTALLED);
  return {
    status: "missing",
    found,
    mend: there === undefined ? "install podman or docker" : there.program === "docker" ? "systemctl start docker" : "podman info",
  };
}

/** By the way in that a server would take, and what it may do there. */
async function lookAtCluster(environment: Environment): Promise<Looked> {
  const { probeCluster, whereClustersAre } = await import("@windlass/kubernetes");
  const settings = settingsFrom(environment);
  const access = { environment, kubeconfig: settings["kubernetes.kubeconfig"], context: settings["kubernetes.context"] };
  const probe = await probeCluster({ ...access, namespace: settings["kubernetes.namespace"], clock: systemClock });
  if (probe === null)
    return { status: "missing", found: `no cluster (looked at ${whereClustersAre(access)})`, mend: "KUBECONFIG=/path/of/a/kubeconfig" };
  const { told, version, faults } = probe;
  const [fault] = faults;
  if (fault !== undefined) return { status: "warning", found: `${told}, Kubernetes ${version}: ${fault.found}`, mend: fault.mend };
  if (!isClusterWanted(settings, environment))
    return { status: "missing", found: `${told}, Kubernetes ${version}, is not used`, mend: "WINDLASS_KUBERNETES_ENABLED=yes" };
  return { found: `${told}, Kubernetes ${version}` };
}

/** The one that is set, else one where they usually are. */
async function lookAtNats(environment: Environment): Promise<Looked> {
  const told = settingsFrom(environment)["notices.url"];
  const isSet = /^(nats|tls):/u.test(told);
  const { probeNats } = await import("@windlass/nats");
  try {
    const { place, version } = await probeNats(isSet ? told : (environment["NATS_URL"] ?? NATS_USUAL));
    return { found: `${version} with JetStream at ${place}` };
  } catch (error) {
    const mend = "nats-server --jetstream, and WINDLASS_NOTICES_URL=nats://HOST:4222";
    // Only what is to be used and cannot be is more than missing.
    return { status: isSet ? "failed" : "missing", found: messageOf(error), mend };
  }
}
