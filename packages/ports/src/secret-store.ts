/** Secrets as they are stored, sealed; and where the keys come from. A driver neither seals nor opens. */
import type { SealedSecret, Secret, SecretId } from "@windlass/kernel";

export interface SecretFilter {
  readonly workspace: string;
  /** Only this scope; all when left out. */
  readonly scope?: string | undefined;
  /** Continue behind this one. */
  readonly after?: Pick<SecretId, "scope" | "name"> | undefined;
  readonly limit: number;
}

export interface SecretStore {
  /** By scope and name. */
  list(filter: SecretFilter): Promise<readonly Secret[]>;
  /** Those of these scopes and names that are there, in no order. */
  find(wanted: {
    readonly workspace: string;
    readonly scopes: readonly string[];
    readonly names: readonly string[];
  }): Promise<readonly SealedSecret[]>;
  /** Stores the first version, or the one behind that which is there. False when that is another: somebody was quicker. Throws `not_found` when the workspace is gone. */
  put(secret: SealedSecret): Promise<boolean>;
  remove(id: SecretId): Promise<boolean>;
  /** Of all workspaces, those that are sealed with another key than this, behind `after`; by workspace, scope and name. */
  sealedOtherwise(keyId: string, page: { readonly after: SecretId | null; readonly limit: number }): Promise<readonly SealedSecret[]>;
  /** The same value, sealed anew. False when it was changed or sealed anew meanwhile: `from` is its key before. */
  reseal(secret: SealedSecret, from: string): Promise<boolean>;
  /** How many secrets are sealed with each key. */
  keys(): Promise<readonly { readonly keyId: string; readonly secrets: number }[]>;
}

/** Where the keys are, as a text of one key a line; the first one is current. */
export interface KeySource {
  /** A path or a variable, for messages. */
  readonly place: string;
  /** Empty when there is none yet. Throws when it cannot be read. */
  read(): string;
  /**
   * Whether keys are made here. `never`: people tell them. `first`: where there is none; others may share the store, and
   * would not have a new one. `always`: nobody else has them.
   */
  readonly grows: "never" | "first" | "always";
  /** Puts a key before all others, whole or not at all. Not called where keys are never made. */
  add(key: string): void;
}
