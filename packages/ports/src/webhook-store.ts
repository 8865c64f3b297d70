/** Webhooks and what is to be told to them. The log of events is what deliveries are made from. */
import type { Delivery, DeliveryState, Expected, Webhook } from "@windlass/kernel";

export interface DeliveryFilter {
  readonly workspace: string;
  readonly webhook: string;
  readonly state?: DeliveryState | undefined;
  /** By position: newest first (the default) or oldest first. */
  readonly order?: "newest" | "oldest";
  /** Continue behind this position. */
  readonly after?: string | undefined;
  readonly limit: number;
}

export interface WebhookStore {
  /** Of one workspace, or of all (null); by workspace and name. */
  list(workspace: string | null): Promise<readonly Webhook[]>;
  /** Stores it with the next revision, but for its position, which is kept. Throws `revision_mismatch`; `not_found` when the workspace is gone. */
  put(webhook: Omit<Webhook, "revision">, expected: Expected): Promise<Webhook>;
  /** With all its deliveries. False when there was none. */
  remove(workspace: string, name: string, expected: Expected): Promise<boolean>;
  /** Stores deliveries and the position behind them, unless its position is not `from` any more: somebody was quicker. */
  take(
    webhook: Pick<Webhook, "workspace" | "name">,
    step: { readonly from: string; readonly to: string; readonly deliveries: readonly Delivery[] },
  ): Promise<boolean>;
  /** Stores what sending came to, unless somebody else did: `tries` is one more than what is stored. */
  record(delivery: Delivery): Promise<boolean>;
  /** Notes whether it takes what it is told; and pauses it. */
  mark(
    webhook: Pick<Webhook, "workspace" | "name">,
    health: Pick<Webhook, "failingSince"> & { readonly pausedAt: number | null },
  ): Promise<void>;
  deliveries(filter: DeliveryFilter): Promise<readonly Delivery[]>;
  /** Dead ones that are to be sent again, under their ids; all of the webhook when none are named. Returns how many. */
  redrive(webhook: Pick<Webhook, "workspace" | "name">, ids: readonly string[] | null, now: number): Promise<number>;
  /** Removes up to so many that were settled before this time. */
  prune(before: number, limit: number): Promise<number>;
}
