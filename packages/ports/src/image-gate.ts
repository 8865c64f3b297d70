/**
 * Which images are run here, and as what.
 *
 * I1. Only an image that the rules allow is run, whoever names it and however late its name is known.
 * I2. Where a signature is wanted, what is run is the digest whose signature was seen, never a tag.
 */
import type { Result } from "@windlass/kernel";

export type AdmittedImage =
  /** To be run in its place; `unpinned` says why it is not the digest that was wanted. */
  { readonly image: string; readonly unpinned: string | null } | { readonly refused: Result };

export interface ImageGate {
  /** Why this image is not run here, as far as its name tells; null: it may be. */
  fault(image: string): string | null;
  /** With its tag and digest, where tags are pinned and the registry answers in time; else as it is. */
  pin(image: string): Promise<{ readonly image: string; readonly unpinned: string | null }>;
  /**
   * Before each launch. `digest` is what this server itself found that the image's tag meant, when the job was submitted or at an attempt
   * before: null where it did not, also where the image has a digest that somebody else wrote.
   */
  admit(image: string, digest: string | null): Promise<AdmittedImage>;
}
