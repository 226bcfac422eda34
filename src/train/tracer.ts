/** @file Where the time of a run goes: named spans, nested as the work is. Handed in, like randomness. */

/** A stretch of time. */
export interface Span {
  /** Its name after those of the spans it lies in: ["training", "graph 1"]. */
  readonly path: readonly string[];
  /** Milliseconds on `performance.now()`'s clock. */
  readonly start: number;
  readonly milliseconds: number;
}

/** What code that is worth timing calls; each method returns what the work returns. */
export interface Trace {
  /** Work that takes turns with other work. */
  time<Result>(name: string, work: () => Promise<Result>): Promise<Result>;
  /** Work at one go. */
  measure<Result>(name: string, work: () => Result): Result;
  /** The same items; waiting for each of them is a span. */
  waiting<Item>(name: string, items: AsyncGenerator<Item, void>): AsyncGenerator<Item, void>;
}

/** Times nothing. */
export const NO_TRACE: Trace = {
  time: (_, work) => work(),
  measure: (_, work) => work(),
  waiting: (_, items) => items,
};

/** Keeps every span. */
export class Tracer implements Trace {
  readonly #spans: Span[] = [];
  /** Spans that have begun and not ended, the innermost last. */
  #open: { readonly path: readonly string[]; readonly start: number }[] = [];

  /** Ended ones, in the order of their ends. */
  get spans(): readonly Span[] {
    return this.#spans;
  }

  async time<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
    const end = this.#begin(name);
    try {
      return await work();
    } finally {
      end();
    }
  }

  measure<Result>(name: string, work: () => Result): Result {
    const end = this.#begin(name);
    try {
      return work();
    } finally {
      end();
    }
  }

  async *waiting<Item>(name: string, items: AsyncGenerator<Item, void>): AsyncGenerator<Item, void> {
    try {
      for (;;) {
        const next = await this.time(name, () => items.next());
        if (next.done === true) return;
        yield next.value;
      }
    } finally {
      await items.return();
    }
  }

  /** Returns what ends the span. */
  #begin(name: string): () => void {
    const own = { path: [...(this.#open.at(-1)?.path ?? []), name], start: performance.now() };
    this.#open.push(own);
    return () => {
      const milliseconds = performance.now() - own.start;
      this.#open = this.#open.filter((span) => span !== own); // need not be the last: some work runs beside other work
      this.#spans.push({ ...own, milliseconds });
    };
  }
}
