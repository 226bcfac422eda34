/** @file Compiled graphs by name: each is built when it is first needed. */
import type { Graph } from "../graph/graph.ts";
import type { Runtime, Session, Tensors } from "../runtime/runtime.ts";

/** How a session is compiled. */
export interface SessionOptions {
  /** `CompileOptions.unchanging`; asked for when the graph is compiled. */
  readonly unchanging?: (() => Tensors) | undefined;
  /** Frees all others that are alone first: a training session holds the activations of a whole run. */
  readonly alone?: boolean | undefined;
}

/** The sessions of one network. */
export class Sessions {
  readonly #runtime: Runtime;
  readonly #known = new Map<string, { readonly session: Promise<Session>; readonly alone: boolean }>();

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** The session of that name, compiled from the graph that `build` gives if it isn't there. */
  async get(
    name: string,
    build: () => Graph,
    { alone = false, unchanging }: SessionOptions = {},
  ): Promise<Session> {
    const known = this.#known.get(name);
    if (known !== undefined) return known.session;
    if (alone) await this.dispose((other) => other);
    // Somebody else may have asked while others were freed.
    const again = this.#known.get(name) ?? {
      session: this.#runtime.compile(build(), { unchanging: unchanging?.() }),
      alone,
    };
    this.#known.set(name, again);
    again.session.catch(() => {
      if (this.#known.get(name) === again) this.#known.delete(name); // the next one who asks tries again
    });
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
