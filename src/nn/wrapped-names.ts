/** @file Names of tensors as training programs leave them: a wrapper's own name before every tensor's. */
import { InputError } from "../tensor/errors.ts";

/** What DataParallel, torch.compile, PEFT and trainers put before names; no family's own names begin so. */
const WRAPPERS = /^(?:(?:module|model|_orig_mod|base_model\.model)\.)+/;
/** Also of parts that were compiled by themselves. */
const COMPILED = "_orig_mod.";
/** What PEFT leaves of layers that have an adapter. */
const ADAPTED = /\.(base_layer|lora_[AB]|lora_embedding_[AB]|lora_magnitude_vector)\b/;

/** Names without wrappers. */
export interface PlainNames {
  /** Every name in the file -> the name without wrappers. */
  readonly names: ReadonlyMap<string, string>;
  /** What was left out, as they were found: "module.", "module._orig_mod.". */
  readonly wrappers: readonly string[];
}

/**
 * The names of a checkpoint's tensors without what wraps them.
 * @throws InputError where two tensors would get one name, or an adapter has not been merged into its network
 */
export function plainNames(all: Iterable<string>, file: string): PlainNames {
  const names = new Map<string, string>();
  const owners = new Map<string, string>();
  const wrappers = new Set<string>();
  for (const name of all) {
    if (ADAPTED.test(name)) {
      throw new InputError(
        `${file}: tensor ${name} is of an adapter that is not merged; merge it first (merge_and_unload of PEFT), and save the model`,
      );
    }
    const before = WRAPPERS.exec(name)?.[0] ?? "";
    const plain = name.slice(before.length).replaceAll(COMPILED, "");
    if (before !== "") wrappers.add(before);
    else if (plain !== name) wrappers.add(COMPILED);
    const other = owners.get(plain);
    if (other !== undefined) {
      throw new InputError(
        `${file}: tensors ${other} and ${name} are both ${plain} without the wrappers' names; save one network alone`,
      );
    }
    names.set(name, plain);
    owners.set(plain, name);
  }
  return { names, wrappers: [...wrappers] };
}

/** What is said of names that were shortened. */
export const wrapperNotice = (file: string, wrappers: readonly string[]): string =>
  `${file}: the tensors' names begin with ${wrappers.map((each) => `"${each}"`).join(" and ")}, as a wrapper saves them; read without`;
