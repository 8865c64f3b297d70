/** Masks one stream of bytes. */
export interface MaskStream {
  push(bytes: Uint8Array): Uint8Array;
  /** What was held back. */
  end(): Uint8Array;
}
