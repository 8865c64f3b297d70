/**
 * The end of a call, which others wait for: what an AbortController is, for a tenth of its time. Nearly every call ends by
 * itself, and nobody has listened; a signal is made for those that know nothing else (`fetch`).
 */
type Listener = (reason: unknown) => void;

export class Ending {
  #listeners: Listener[] = [];
  #ended = false;
  #reason: unknown;
  #controller: AbortController | undefined;

  get ended(): boolean {
    return this.#ended;
  }

  /** Why it has ended. */
  get reason(): unknown {
    return this.#reason;
  }

  /** Ends with it. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#ended) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  /** Calls back once, when it ends or because it has. What is returned keeps it from calling. */
  onEnd(listener: Listener): () => void {
    if (this.#ended) {
      listener(this.#reason);
      return () => {};
    }
    this.#listeners.push(listener);
    return () => {
      const at = this.#listeners.indexOf(listener);
      if (at !== -1) this.#listeners.splice(at, 1);
    };
  }

  /** Only the first end counts. */
  end(reason: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#reason = reason;
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const listener of listeners) listener(reason);
    this.#controller?.abort(reason);
  }
}
