/** @file Which heads a run has, from their names and what its method takes. */
import { type AnyDrift, type AnyHead, DRIFTS, HEADS } from "../heads/index.ts";
import type { AnyMethod } from "../methods/method.ts";
import { InputError } from "../tensor/errors.ts";
import { suggestion } from "./names.ts";

/** Heads and drift map of a model. */
export interface HeadChoice {
  readonly heads: readonly AnyHead[];
  readonly drift: AnyDrift;
}

/** Names of heads in files of the first format. */
const FORMER_NAMES: Readonly<Record<string, string>> = { head: "rows" };

/** The name that a head has now. */
export const headName = (name: string): string =>
  Object.hasOwn(FORMER_NAMES, name) ? FORMER_NAMES[name]! : name;

/**
 * The heads of these names ("all" for all that the method takes), and the drift map; the method's own where none is named.
 * @param plugins what the model was made with, where that is known: the message says how to have them
 * @throws InputError for a name that isn't there, comes twice, or that the method doesn't take
 */
export function chosenHeads(
  method: AnyMethod,
  names: readonly string[] = method.defaults.heads,
  driftName: string = method.defaults.drift,
  known: readonly AnyHead[] = HEADS,
  plugins: readonly string[] = [],
): HeadChoice {
  const drift = DRIFTS.find(({ name }) => name === driftName);
  if (drift === undefined) {
    throw new InputError(
      `\`drift: "${driftName}"\`: there is no such drift map; expected one of: ${listed(DRIFTS)}`,
    );
  }
  const taken = known.filter((head) => takes(method, head));
  if (names.length === 1 && names[0] === "all") return { heads: ownFirst(method, taken), drift };
  const heads = names.map((name, at) => {
    const head = known.find((each) => each.name === headName(name));
    if (head === undefined) {
      const names = [...known.map((each) => each.name), "all"];
      const advice =
        plugins.length === 0
          ? `expected all, or some of: ${listed(known)}`
          : `it was made with plugins: add ${plugins.map((plugin) => `--plugin ${plugin}`).join(" ")}`;
      throw new InputError(`there is no head "${name}"${suggestion(name, names)}; ${advice}`);
    }
    if (names.indexOf(name) !== at) throw new InputError(`\`heads\`: ${name} is named twice`);
    if (!taken.includes(head)) {
      const reason =
        head.needs.includes("own classifier") && !method.traits.ownClassifier
          ? "trains no classifier"
          : "classifies in its own way";
      throw new InputError(
        `\`heads\`: method ${method.name} ${reason} and does not take the head ${name}; it takes: ${listed(taken)}`,
      );
    }
    return head;
  });
  return { heads, drift };
}

/** Whether a method can have a head. */
export function takes({ traits }: AnyMethod, { name, needs }: AnyHead): boolean {
  if (needs.includes("own classifier") && !traits.ownClassifier) return false;
  return traits.heads === "any" || traits.heads.includes(name);
}

/** The method's own choice first, then the others. */
function ownFirst({ defaults }: AnyMethod, heads: readonly AnyHead[]): AnyHead[] {
  const own = defaults.heads.flatMap((name) => heads.filter((head) => head.name === name));
  return [...own, ...heads.filter((head) => !own.includes(head))];
}

const listed = (all: readonly { readonly name: string }[]): string => all.map(({ name }) => name).join(", ");
