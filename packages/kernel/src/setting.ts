/** Every setting, once: its default, its environment variable (derived), and what it does. */
export const SETTINGS = {
  "server.host": { default: "127.0.0.1", doc: "address that the API listens on" },
  "server.port": { default: 4180, doc: "port that the API listens on; 0 takes a free one" },
  "server.url": {
    default: "",
    doc: "address at which other servers on the same store reach this one, to read logs; made of the machine's name and the port when left out",
  },
  "server.bodyBytesMax": { default: 4_194_304, doc: "largest request body" },
  "server.requestsPerSecond": {
    default: 500,
    doc: "requests that one token may make in a second, after a burst of twice as many; the admin token is not limited; 0 for no limit",
  },
  "server.badTokensPerMinute": {
    default: 60,
    doc: "requests with a token that opens nothing that one remote address may make in a minute, after a burst of 30; 127.0.0.1 and ::1 are not limited; 0 for no limit",
  },
  "server.framesPerSecond": {
    default: 5_000,
    doc: "frames (each 16 KiB of one counts) that the workers of one token may send in a second; what comes faster is read later; those of the admin token are not limited; 0 for no limit",
  },
  "server.streamsPerPrincipalMax": { default: 250, doc: "watches and followed logs that one token may have open at once" },
  "server.corsOrigins": {
    default: "",
    doc: "origins of web pages that may call the API, separated by commas, such as https://jobs.example.org",
  },
  "server.adminToken": {
    default: "",
    doc: "the admin token, at least 16 characters, so that all servers on one store have the same; each makes its own in its data folder when left out",
    secret: true,
  },
  "internal.apiToken": {
    default: "",
    doc: "what parts of Windlass that run elsewhere (the cluster watcher) show to tell what became of containers; at least 16 characters; their routes are closed without it",
    secret: true,
  },
  "store.url": { default: "", doc: "where jobs are kept: empty for SQLite in the data folder, or postgres://…" },
  "session.ttlSeconds": { default: 15, doc: "a worker or launcher that has not reported for this long is lost" },
  "host.lostAfterSeconds": { default: 90, doc: "processes of a host that has not reported for this long count as lost" },
  "process.runningMax": { default: 16, doc: "the most processes that run at once on this host" },
  "docker.host": {
    default: "",
    doc: "address of the container engine (Docker, or podman's service): unix:///path/of/a/socket or tcp://HOST:PORT; DOCKER_HOST, then the usual sockets when left out",
  },
  "docker.runningMax": { default: 100, doc: "the most containers that run at once on this host's engine" },
  "docker.hostPaths": {
    default: "",
    doc: "folders of the engine's host that containers may be given as volumes, separated by commas; none when left out, for whoever may see all of a host owns it",
  },
  "containers.executor": {
    default: "docker",
    doc: "what carries out the containers of workflows that name no executor: docker, kubernetes, or process, which runs their commands without the images",
  },
  "kubernetes.enabled": {
    default: "auto",
    doc: "whether this server launches on a cluster: yes, no, or auto: where a setting or KUBECONFIG says which, or it runs in a pod of one",
  },
  "kubernetes.kubeconfig": {
    default: "",
    doc: "path of the kubeconfig; KUBECONFIG, then ~/.kube/config, then the service account of its own pod when left out",
  },
  "kubernetes.context": { default: "", doc: "which context of the kubeconfig; its current one when left out" },
  "kubernetes.namespace": { default: "windlass", doc: "namespace that Jobs are made in" },
  "kubernetes.namespaces": {
    default: "",
    doc: "further namespaces that a step may ask for, separated by commas; who may submit jobs may name any Secret, ConfigMap and claim there",
  },
  "kubernetes.installation": {
    default: "",
    doc: "tells installations apart that share a namespace, for each ends Jobs of its own that it knows nothing of; made of the data folder, or of the store's address, when left out",
  },
  "kubernetes.serviceAccount": {
    default: "",
    doc: "service account of pods whose step names none; the namespace's default one when left out",
  },
  "kubernetes.ttlSeconds": { default: 3_600, doc: "how long a Job is kept in the cluster after its end, for people to look at" },
  "kubernetes.runningMax": { default: 1_000, doc: "the most Jobs of this installation that are alive at once" },
  "kubernetes.requestsPerSecond": { default: 50, doc: "requests to the API server in a second, after a burst of twice as many" },
  "kubernetes.requestsMax": { default: 20, doc: "requests to the API server that are under way at once" },
  "images.allow": {
    default: "",
    doc: "images that containers may run, separated by commas: whole names with their registry, where * stands for any characters of the registry, of the name below it, or of the tag (docker.io/library/*); without a tag, with any; all when left out",
  },
  "images.pin": {
    default: "",
    doc: "digest: a tag is resolved to its digest when a job is submitted, and that is what all its attempts run, where the registry answers and http.deny lets it be asked; empty: by tags",
  },
  "images.verify": {
    default: "",
    doc: "whose signature images must have, checked by the program cosign before each launch: key=/path/of/cosign.pub, or identity=NAME issuer=URL; none is wanted when left out",
  },
  "runner.executor": {
    default: "process",
    doc: "what starts the runners of isolated executions whose workflow names no executor: process, docker or kubernetes",
  },
  "runner.access": {
    default: "api",
    doc: "what a runner may reach: api, the steps of its execution, with a token that dies with it; or database: its steps besides have DATABASE_URL and INTEGRATION_ENCRYPTION_KEY of the Secret runner.secret, and with them the data of all workspaces; only on a cluster",
  },
  "runner.secret": {
    default: "windlass-runner",
    doc: "Secret of the cluster with the keys DATABASE_URL and INTEGRATION_ENCRYPTION_KEY, where runner.access is database",
  },
  "runner.url": {
    default: "",
    doc: "address at which runners reach the server; those in containers need it, those that are processes take its own when left out",
  },
  "runner.image": { default: "", doc: "image of runners in containers: that of this program, in the version of the server" },
  "runner.template": {
    default: "",
    doc: "a file with the pod of runners on a cluster, as deploy/kubernetes/runner-job.yaml, which is what is taken when left out",
  },
  "runner.sessionSeconds": {
    default: 10,
    doc: "how long a runner may be out of touch before a server looks whether it lives: one that does keeps its steps, of one that does not they are lost; 1 to 300",
  },
  "spawner.runningMax": {
    default: 1_000,
    doc: "the most isolated executions that have a runner at once, over all workspaces; 0 for no limit",
  },
  "spawner.perWorkspaceMax": {
    default: 0,
    doc: "the same of each workspace whose queue runners has no limit of its own; 0 for no limit",
  },
  "spawner.perWorkflowMax": {
    default: 0,
    doc: "the same of each workflow of a workspace whose queue runners has no limit of each key of its own; 0 for no limit",
  },
  "spawner.attemptsMax": {
    default: 5,
    doc: "how often it is tried, at growing distances, to make the runner of an execution before that fails and is a dead letter",
  },
  "log.bytesMax": { default: 104_857_600, doc: "largest log of one stream of one attempt; beyond it the log is cut and says so" },
  "log.bytesPerSecondMax": {
    default: 0,
    doc: "the most bytes that one attempt may print in a second; what comes faster is left out of its log, which says so; 0 for no limit",
  },
  "log.maskPatterns": {
    default: "",
    doc: "regular expressions, one a line; what they match in a line of a log or of a message, each line by itself and without its end, is masked before it is stored",
  },
  "log.retentionDays": {
    default: 0,
    doc: "logs are removed this long after their job ended, though the job is kept; 0 keeps them as long as the job",
  },
  "log.totalBytesMax": {
    default: 0,
    doc: "the most that all logs of this host may take together; beyond it those of the jobs that ended first are removed; 0 for no limit",
  },
  "retention.days": { default: 30, doc: "finished jobs and their logs are removed this long after their root ended; 0 keeps them" },
  "schedules.historyDays": {
    default: 30,
    doc: "what became of each time of a schedule is kept this long; 0 keeps it for ever",
  },
  "audit.retentionDays": { default: 365, doc: "who changed what is kept this long; 0 keeps it for ever" },
  "http.deny": {
    default: "loopback link-local",
    doc: "what the tool http and webhooks do not call: loopback, link-local, private, addresses, networks (10.0.0.0/8), names (*.example.org), separated by commas or spaces",
  },
  "http.allow": { default: "", doc: "what they call all the same, written alike" },
  "secrets.keys": {
    default: "",
    secret: true,
    doc: "keys that secrets are sealed with, the current one first: 32 random bytes each, as base64, separated by commas or spaces",
  },
  "secrets.keyFile": {
    default: "",
    doc: "a file of such keys, one a line, the current one first; without either one is made in the data folder with the first secret",
  },
  "backup.folder": {
    default: "",
    doc: "the only folder below which the server writes back-ups that it is asked for over the API; backups in the data folder when left out",
  },
  "watcher.namespaces": {
    default: "",
    doc: "namespaces that the cluster watcher watches, separated by commas, * for all; those in which Jobs may be made when left out",
  },
  "watcher.selector": { default: "app.kubernetes.io/managed-by=windlass", doc: "labels of the Jobs and pods that it watches" },
  "watcher.tokenFile": {
    default: "",
    doc: "a file with the internal token, read again when it changes; internal.apiToken when left out",
  },
  "watcher.host": { default: "", doc: "address that it serves its figures on; 127.0.0.1 when left out, and all addresses in a pod" },
  "watcher.port": { default: 4181, doc: "port that it serves /healthz, /readyz and /metrics on; 0 takes a free one" },
  "watcher.imagePullGraceSeconds": { default: 60, doc: "how long an image that cannot be pulled is waited for" },
  "watcher.configGraceSeconds": {
    default: 30,
    doc: "how long a Secret, a ConfigMap or a container that cannot be made, or a pod that is not admitted, is waited for",
  },
  "watcher.unschedulableGraceSeconds": { default: 600, doc: "how long a node that can take a pod, or a volume, is waited for" },
  "watcher.nodeGraceSeconds": { default: 30, doc: "how long a node that does not report is waited for" },
  "watcher.requestsPerSecond": {
    default: 50,
    doc: "the most requests that it makes of the cluster in a second, after a burst of twice as many",
  },
  "notices.url": {
    default: "",
    doc: "the queue between dispatcher and spawner, where they run apart: nats://HOST:4222 or the address of a queue of Amazon SQS; the store alone when left out",
    secret: true,
  },
  "notices.queue": { default: "windlass", doc: "name of the queue at NATS, and of its stream; a queue of SQS is named by its address" },
  "notices.endpoint": { default: "", doc: "where SQS is when its address does not say so: an emulator, or a private endpoint" },
  "notices.visibilitySeconds": {
    default: 300,
    doc: "how long nobody else is given a notice that was received; anew, as long as it is worked on",
  },
  "notices.attemptsMax": { default: 10, doc: "a notice that was received so often without being done with is a dead letter" },
  "notices.signing": {
    default: "enforce",
    doc: "what becomes of a notice that is not signed with one of our keys: enforce (a dead letter), warn (told in the log, and taken), or off (nobody signs or looks)",
  },
  "notices.keys": {
    default: "",
    doc: "keys that notices are signed with, as for secrets: the first one signs, all of them verify",
    secret: true,
  },
  "notices.keyFile": { default: "", doc: "file of those keys instead, read again when it changes" },
  "notices.replaySeconds": { default: 86_400, doc: "a notice that was signed longer ago is refused" },
  "watcher.turn": {
    default: "k8s-watcher",
    doc: "name under which watchers of the same namespaces take turns; `none` for one that does not ask whether it is its turn",
  },
  "drain.seconds": { default: 20, doc: "how long a stopping server waits for handlers to end before it gives up" },
} as const satisfies Record<string, { default: string | number | boolean; doc: string; secret?: true }>;

export type SettingName = keyof typeof SETTINGS;
export const settingNames = Object.keys(SETTINGS) as SettingName[];
type Widen<T> = T extends string ? string : T extends number ? number : boolean;
export type Settings = { readonly [K in SettingName]: Widen<(typeof SETTINGS)[K]["default"]> };

/** True for what is never shown. */
export function isSecretSetting(name: SettingName): boolean {
  const setting: { readonly doc: string; readonly secret?: true } = SETTINGS[name];
  return setting.secret === true;
}

/** `process.runningMax` → `WINDLASS_PROCESS_RUNNING_MAX`. */
export function environmentVariableOf(name: SettingName): string {
  return `WINDLASS_${name
    .replace(/\./gu, "_")
    .replace(/([a-z])([A-Z])/gu, "$1_$2")
    .toUpperCase()}`;
}

export function defaultSettings(): Settings {
  return Object.fromEntries(settingNames.map((name) => [name, SETTINGS[name].default])) as unknown as Settings;
}
