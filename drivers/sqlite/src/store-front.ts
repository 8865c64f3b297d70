/** The ports on top of one caller: what both fronts have in common. */
import type { Heartbeats, Store } from "@windlass/ports";
import { claimedOf } from "./claimed-rows.ts";
import type { Caller } from "./operations.ts";
import { decodeDue } from "./schedules.ts";

export interface Front {
  readonly call: Caller;
  readonly heartbeats: Heartbeats;
  readonly close: () => Promise<void>;
}

export function storeOn({ call, heartbeats, close }: Front): Store {
  let closed: Promise<void> | null = null;
  return {
    ...queueStoresOn(call),
    reads: {
      get: (id) => call("getJob", id),
      child: (parentId, childKey) => call("getChild", parentId, childKey),
      made: (workspace, idempotencyKey) => call("madeUnder", workspace, idempotencyKey),
      list: (filter) => call("listJobs", filter),
      tally: (filter, by) => call("tallyJobs", filter, by),
      attempts: (jobId) => call("listAttempts", jobId),
      events: (jobId, after, limit) => call("listEvents", jobId, { after, limit }),
      feed: (after, limit) => call("feed", after, limit),
      feedEnd: () => call("feedEnd"),
      keyHolders: (key) => call("keyHolders", key),
      counts: (workspace, cap) => call("counts", workspace, cap),
    },
    sessions: {
      open: (session) => call("openSession", session),
      beat: (ids, expiresAt) => call("beat", ids, expiresAt),
      list: () => call("listSessions"),
      close: (id) => call("closeSession", id),
      lead: (chore, session, ...[now, expiresAt]) => call("lead", { chore, session, now, expiresAt }),
    },
    definitions: definitionsOn(call),
    places: {
      put: (place) => call("putPlace", place),
      list: () => call("listPlaces"),
    },
    retention: {
      ended: (before, limit, after) => call("endedRoots", before, { limit, after }),
      remove: (rootIds) => call("removeTrees", rootIds),
    },
    ...accessStoresOn(call),
    webhooks: webhooksOn(call),
    schedules: schedulesOn(call),
    secrets: {
      list: (filter) => call("listSecrets", filter),
      find: (wanted) => call("findSecrets", wanted),
      put: (secret) => call("putSecret", secret),
      remove: (id) => call("removeSecret", id),
      sealedOtherwise: (keyId, page) => call("secretsSealedOtherwise", keyId, page),
      reseal: (secret, from) => call("resealSecret", secret, from),
      keys: () => call("secretKeys"),
    },
    answers: {
      take: (answer, now) => call("takeAnswer", answer, now),
      keep: (answer) => call("keepAnswer", answer),
      release: (key, holder) => call("releaseAnswer", key, holder),
      prune: (now, limit) => call("pruneAnswers", now, limit),
    },
    feedPlaces: {
      get: (name) => call("getFeedPlace", name),
      move: (name, step) => call("moveFeedPlace", name, step),
    },
    heartbeats,
    inOrder: true,
    timeOffset: () => Promise.resolve(0),
    ping: () => call("ping"),
    close: () => (closed ??= close()),
  };
}

function definitionsOn(call: Caller): Store["definitions"] {
  return {
    put: (definition, expected = null) => call("putDefinition", definition, expected),
    versions: (key, page) => call("definitionVersions", key, page),
    remove: (key, expected = null) => call("removeDefinition", key, expected),
    disable: (mark) => call("disableDefinition", mark),
    enable: (key) => call("enableDefinition", key),
    disabled: async (keys) => (keys.length === 0 ? [] : call("disabledDefinitions", keys)),
    get: (key) => call("getDefinition", key),
    byId: (id) => call("definitionById", id),
    list: (workspace, type) => call("listDefinitions", workspace, type),
  };
}

function accessStoresOn(call: Caller): Pick<Store, "workspaces" | "roles" | "tokens" | "audit"> {
  return {
    workspaces: {
      list: () => call("listWorkspaces"),
      add: (workspace) => call("addWorkspace", workspace),
      remove: (name, now) => call("removeWorkspace", name, now),
    },
    roles: {
      list: () => call("listRoles"),
      add: (role) => call("addRole", role),
      remove: (name) => call("removeRole", name),
    },
    tokens: {
      list: () => call("listTokens"),
      byHash: (hash) => call("tokenByHash", hash),
      byIds: (ids) => call("tokensByIds", ids),
      add: (token) => call("addToken", token),
      revoke: (id, by, at) => call("revokeToken", { id, by, at }),
      used: (id, at) => call("tokenUsed", id, at),
    },
    audit: {
      add: (entries) => call("addAudit", entries),
      list: (filter) => call("listAudit", filter),
      prune: (before, limit) => call("pruneAudit", before, limit),
    },
  };
}

/** Jobs and what orders and limits them. */
function queueStoresOn(call: Caller): Pick<Store, "jobs" | "queues" | "deadLetters"> {
  return {
    jobs: {
      commit: (changes, now) => call("commit", changes, now),
      claim: async (request) => claimedOf(await call("claim", request)),
      due: (now, limit) => call("due", now, limit),
      nextDue: () => call("nextDue"),
      woken: (limit) => call("woken", limit),
      cursor: (id) => call("cursor", id),
      live: (filter, limit) => call("live", filter, limit),
      records: (ids) => call("records", ids),
      unblock: (now) => call("unblock", now),
      tidy: (after, now) => call("tidy", after, now),
    },
    queues: {
      list: () => call("listQueues"),
      get: (name) => call("getQueue", name),
      state: (name, fairnessKey, spawner) => call("stateOfQueue", name, { fairnessKey, spawner }),
      waiting: ({ executor, queue, priority, id }) => call("waitingInQueue", { executor, queue, priority, id }),
      put: (name, change, ...[now, expected = null]) => call("putQueue", { ...change, name, now, expected }),
      remove: (name, expected = null) => call("removeQueue", name, expected),
    },
    deadLetters: {
      list: (filter) => call("listDeadLetters", filter),
      redriven: (marks, mark) => call("markRedriven", marks, mark),
      remove: (jobIds) => call("removeDeadLetters", jobIds),
    },
  };
}

function webhooksOn(call: Caller): Store["webhooks"] {
  return {
    list: (workspace) => call("listWebhooks", workspace),
    put: (webhook, expected) => call("putWebhook", webhook, expected),
    remove: (workspace, name, expected) => call("removeWebhook", { workspace, name }, expected),
    take: (webhook, step) => call("takeForWebhook", webhook, step),
    record: (delivery) => call("recordDelivery", delivery),
    mark: (webhook, health) => call("markWebhook", webhook, health),
    deliveries: (filter) => call("listDeliveries", filter),
    redrive: (webhook, ids, now) => call("redriveDeliveries", webhook, { ids, now }),
    prune: (before, limit) => call("pruneDeliveries", before, limit),
  };
}

function schedulesOn(call: Caller): Store["schedules"] {
  return {
    list: async (filter) => decodeDue(await call("listSchedules", filter)),
    get: (workspace, name) => call("getSchedule", workspace, name),
    put: (schedule, step) => call("putSchedule", schedule, step),
    remove: (workspace, name, options) => call("removeSchedule", { workspace, name, ...options }),
    due: async (now, limit, after) =>
      decodeDue(await (after === undefined ? call("dueSchedules", now, { limit }) : call("moreDueSchedules", now, { limit, after }))),
    nextDue: () => call("nextDueSchedule"),
    dispatch: (dispatches, now) => call("dispatchSchedules", dispatches, now),
    history: (filter) => call("listOccurrences", filter),
    prune: (before, limit) => call("pruneOccurrences", before, limit),
  };
}
