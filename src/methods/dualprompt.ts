/**
 * @file DualPrompt: prefixes of attention, general ones that all tasks train and expert ones that belong to a task. A task
 * trains its own expert prefix and key; an image gets that of the key nearest to its frozen features.
 */
import * as z from "zod";
import { type TaskPrefixOptions, taskPrefixes } from "../network/task-prefixes.ts";
import { InputError } from "../tensor/errors.ts";
import { Rng } from "../tensor/rng.ts";
import { filledTensor, type Tensor } from "../tensor/tensor.ts";
import { defineMethod, type MethodContext } from "./method.ts";
import { uniformTensor } from "./parts/draws.ts";
import { SlotLearner, type Slots, slotTraits } from "./parts/slot-learner.ts";
import { around } from "./ranges.ts";

const count = z.number().int().positive();
const options = z.object({
  generalBlocks: count.default(2).describe("blocks of every twelve with a general prefix, from the first on"),
  expertBlocks: count.default(3).describe("blocks of every twelve after those, with an expert prefix"),
  generalLength: count.default(5).describe("keys (and values) of a general prefix"),
  expertLength: count.default(5).describe("keys (and values) of an expert prefix"),
  pull: z.number().min(0).default(0.1).describe("weight of the term that pulls a task's key to its queries"),
  mixedPrefixes: z
    .boolean()
    .default(false)
    .describe(
      "as the published code does: keys and values mixed up over the images of a run, so answers depend on the batch",
    ),
  promptRate: z.number().positive().default(2e-3).describe("learning rate of prefixes and keys"),
  headRate: z.number().positive().default(5e-3).describe("learning rate of the classifier rows"),
});
type Options = z.infer<typeof options>;

/** Complementary prompting. */
export const dualPrompt = defineMethod({
  name: "dualprompt",
  summary: "prefixes shared by all tasks, and prefixes of a task, found by a key near the frozen features",
  source: "Wang et al., DualPrompt, ECCV 2022, arXiv 2204.04799",
  options,
  ranges: { promptRate: around(2e-3), headRate: around(5e-3) },
  traits: slotTraits,
  defaults: { heads: ["rows", "lda"], drift: "ridge" },
  create: (context, values) => new SlotLearner(context, values, dualSlots(context, values)),
});

/** Added to the cosine of a slot that may not be chosen: more than two cosines differ by. */
const FORBIDDEN = -4;

function dualSlots(context: MethodContext, options: Options): Slots {
  const shape = { ...options, ...blocksOf(context, options), mixed: options.mixedPrefixes };
  const { hiddenSize: width } = context.backbone.config;
  const draw = (name: string, dims: readonly number[]): Tensor =>
    uniformTensor(dims, 1, Rng.at(context.seed, name));
  return {
    adaptation: (query, past) => taskPrefixes(context, query, { ...shape, past }),
    own: ["key", "expert"],
    // The prefixes go on from the last task's; a key begins anew.
    start: (kept, task) => ({
      general: kept?.general ?? draw("general", [shape.generalBlocks, 2, shape.generalLength, width]),
      expert: kept?.expert ?? draw("expert", [shape.expertBlocks, 2, shape.expertLength, width]),
      key: draw(`key/${task}`, [1, width]),
    }),
    // A task trains its own slot, and may choose no other; an image may choose any.
    fixed(past, use) {
      const slots = filledTensor([past + 1], use === "training" ? FORBIDDEN : 0);
      slots.data[past] = 0;
      return { slots };
    },
  };
}

/** How many blocks have what, of a network as deep as it is. @throws InputError if it is not deep enough */
function blocksOf(
  { backbone }: MethodContext,
  { generalBlocks, expertBlocks }: Options,
): Pick<TaskPrefixOptions, "generalBlocks" | "expertBlocks"> {
  const { layers } = backbone.config;
  const ofAll = (blocks: number): number => Math.max(Math.round((blocks * layers) / 12), 1);
  const [general, expert] = [ofAll(generalBlocks), ofAll(expertBlocks)];
  if (general + expert > layers) {
    throw new InputError(
      `${general} blocks with general and ${expert} with expert prefixes are more than the ${layers} that the backbone has; choose fewer of every twelve`,
    );
  }
  return { generalBlocks: general, expertBlocks: expert };
}
