// Asks again and again: often while something moves, seldom when nothing does, never while nobody looks.

const FASTEST_MS = 1_200;
const SLOWEST_MS = 60_000;

/** Repeats `ask`, which says in how many milliseconds it wants to be asked again; null: not again. */
export class Poller {
  #timer = 0;
  #asking = false;
  #failures = 0;
  #stopped = true;

  constructor(ask, failed) {
    this.ask = ask;
    this.failed = failed;
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden && !this.#stopped) this.now();
    });
  }

  /** Ask at once. */
  async now() {
    clearTimeout(this.#timer);
    this.#stopped = false;
    if (this.#asking) return;
    this.#asking = true;
    const wait = await this.#asked();
    this.#asking = false;
    if (wait === null) this.#stopped = true;
    else if (!document.hidden && !this.#stopped) this.#timer = setTimeout(() => this.now(), wait);
  }

  stop() {
    clearTimeout(this.#timer);
    this.#stopped = true;
  }

  async #asked() {
    try {
      const wait = await this.ask();
      this.#failures = 0;
      return wait;
    } catch (error) {
      this.#failures += 1;
      const wait = Math.min(SLOWEST_MS, 1000 * 2 ** this.#failures);
      this.failed(error, wait);
      return wait;
    }
  }
}

/** How long to wait: a moment after each change, ever longer while there is none. */
export class Rhythm {
  #seen = "";
  #wait = FASTEST_MS;

  /** Milliseconds until the next question, `slowest` at the most. */
  next(answer, slowest) {
    const seen = JSON.stringify(answer);
    this.#wait = seen === this.#seen ? Math.min(this.#wait * 1.5, slowest) : FASTEST_MS;
    this.#seen = seen;
    return this.#wait;
  }
}
