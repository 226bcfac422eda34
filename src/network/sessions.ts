/** @file Compiled graphs by name: each is built when it is first needed. */
import type { Graph } from "../graph/graph.ts";
import type { Runtime, Session } from "../runtime/runtime.ts";

/** The sessions of one network. */
export class Sessions {
  readonly #runtime: Runtime;
  readonly #known = new Map<string, { readonly session: Promise<Session>; readonly alone: boolean }>();

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /**
   * The session of that name, compiled from the graph that `build` gives if it isn't there.
   * @param options.alone frees all others that are alone first: a training session holds the activations of a whole run
   */
  async get(
    name: string,
    build: () => Graph,
    { alone = false }: { readonly alone?: boolean } = {},
  ): Promise<Session> {
    const known = this.#known.get(name);
    if (known !== undefined) return known.session;
    if (alone) await this.dispose((other) => other);
    // Somebody else may have asked while others were freed.
    const again = this.#known.get(name) ?? { session: this.#runtime.compile(build()), alone };
    this.#known.set(name, again);
    return again.session;
  }

  /** Frees all sessions, or those that `which` picks by whether they are alone. */
  async dispose(which: (alone: boolean) => boolean = () => true): Promise<void> {
    for (const [name, { session, alone }] of this.#known) {
      if (!which(alone)) continue;
      this.#known.delete(name);
      await (await session).dispose();
    }
  }
}
