/**
 * @file CODA-Prompt: prefixes of attention put together from slots, each weighted by the cosine of its key and the image's
 * attended query. A task adds slots, orthogonal to all before, and trains those alone.
 */
import * as z from "zod";
import { SLOT_PARTS, slotName, weightedPrefixes } from "../network/weighted-prefixes.ts";
import type { Tensors } from "../runtime/runtime.ts";
import { Rng } from "../tensor/rng.ts";
import { float32Data, type Tensor, tensor } from "../tensor/tensor.ts";
import { defineMethod, type MethodContext } from "./method.ts";
import { SlotLearner, type Slots, slotTraits } from "./parts/slot-learner.ts";
import { around } from "./ranges.ts";

const count = z.number().int().positive();
const options = z.object({
  promptBlocks: count.max(12).default(5).describe("blocks of every twelve with prefixes, from the first on"),
  slots: count.default(10).describe("slots that each task adds to each of these blocks"),
  promptLength: count.default(4).describe("keys (and values) of a prefix"),
  promptRate: z.number().positive().default(1e-3).describe("learning rate of the slots"),
  headRate: z.number().positive().default(5e-3).describe("learning rate of the classifier rows"),
});
type Options = z.infer<typeof options>;

/** Decomposed attention-based prompting. */
export const codaPrompt = defineMethod({
  name: "coda-prompt",
  summary: "prefixes that are weighted sums of slots; every task adds some and trains those alone",
  source: "Smith et al., CODA-Prompt, CVPR 2023, arXiv 2211.13218",
  options,
  ranges: { promptRate: around(1e-3), headRate: around(5e-3) },
  traits: slotTraits,
  defaults: { heads: ["rows", "lda"], drift: "ridge" },
  create: (context, values) => new SlotLearner(context, values, codaSlots(context, values)),
});

function codaSlots(context: MethodContext, { promptBlocks, slots, promptLength }: Options): Slots {
  const { layers, hiddenSize: width } = context.backbone.config;
  const blocks = Math.max(Math.round((promptBlocks * layers) / 12), 1);
  const names = Array.from({ length: blocks }, (_, block) => SLOT_PARTS.map((part) => slotName(block, part)));
  const sizeOf = (name: string): number => (name.endsWith("prompts") ? 2 * promptLength * width : width);
  return {
    adaptation: (query, past) =>
      weightedPrefixes(context, query, { blocks, slots, length: promptLength, past }),
    own: names.flat(),
    start: (kept, task) =>
      Object.fromEntries(
        names.flat().map((name) => {
          const rng = Rng.at(context.seed, name, task);
          return [name, newRows(rowsBefore(kept, name), slots, sizeOf(name), rng)];
        }),
      ),
  };
}

/** The slots of all tasks so far. */
const rowsBefore = (kept: Tensors | undefined, name: string): Float32Array[] =>
  [`past.${name}`, name].flatMap((each) => (kept?.[each] === undefined ? [] : [float32Data(kept[each])]));

/** A row that has lost all but this share of its length has no direction of its own. */
const DEPENDENT = 1e-3;

/**
 * Rows drawn from N(0, 1), made orthogonal to all before and to each other by Gram-Schmidt, at length 1. Where there is no
 * direction left, a row stays as it was drawn. [count, size]
 */
function newRows(before: readonly Float32Array[], count: number, size: number, rng: Rng): Tensor {
  const basis: Float64Array[] = [];
  /** What is left of a row, at length 1; null if that is nothing. */
  const direction = (row: Float64Array): Float64Array | null => {
    const rest = row.slice();
    // Twice: what one pass leaves by rounding, the second removes.
    for (let pass = 0; pass < 2; pass++) {
      for (const other of basis) {
        const along = dot(rest, other);
        for (let i = 0; i < size; i++) rest[i]! -= along * other[i]!;
      }
    }
    const norm = Math.sqrt(dot(rest, rest));
    return norm > DEPENDENT * Math.sqrt(dot(row, row)) ? rest.map((value) => value / norm) : null;
  };
  for (const rows of before) {
    for (let at = 0; at < rows.length; at += size) {
      const own = direction(Float64Array.from(rows.subarray(at, at + size)));
      if (own !== null) basis.push(own);
    }
  }
  const result = new Float32Array(count * size);
  for (let row = 0; row < count; row++) {
    const drawn = Float64Array.from({ length: size }, () => rng.normal());
    const own = direction(drawn);
    if (own !== null) basis.push(own);
    const norm = Math.sqrt(dot(drawn, drawn));
    result.set(own ?? drawn.map((value) => value / norm), row * size);
  }
  return tensor("float32", [count, size], result);
}

const dot = (x: Float64Array, y: Float64Array): number => x.reduce((sum, value, i) => sum + value * y[i]!, 0);
