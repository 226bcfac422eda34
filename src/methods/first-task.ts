/** @file LoRA in the first task, then nothing: how much of a gain comes from the start. */
import { defineMethod } from "./method.ts";
import { adapterTraits } from "./parts/adapter-learner.ts";
import { options, ranges, SequentialLora } from "./seq-lora.ts";

/** Its heads alone learn after the first task that trains. */
export const firstTask = defineMethod({
  name: "first-task",
  summary: "one LoRA pair trained on the first task alone (control)",
  source: "ours",
  options,
  ranges,
  traits: { ...adapterTraits, trains: "first task" },
  defaults: { heads: ["lda", "ncm", "gaussian"], drift: "ridge" },
  create: (context, values) => new FirstTask(context, values),
});

class FirstTask extends SequentialLora {
  override plan(classes: readonly number[]): "none" | "first" {
    return super.plan(classes) === "first" ? "first" : "none";
  }

  /** After the first task nothing is meant to train. */
  override untrainable(classes: readonly number[]): string | undefined {
    return this.untrained ? super.untrainable(classes) : undefined;
  }
}
