/** @file What a stream gives without training: LDA on the frozen backbone, beside which a run's accuracy means something. */
import { headSetOptions } from "../../heads/head-set.ts";
import { METHODS } from "../../methods/index.ts";
import type { Baseline } from "../../metrics/run-metrics.ts";
import { checked } from "../../run/checked.ts";
import { chosenHeads } from "../../run/heads.ts";
import { share } from "../../train/evaluation.ts";
import { ContinualModel } from "../../train/model.ts";
import { type RunOptions, runStream } from "../../train/run.ts";

const BASELINE = "lda";

/** Learns the stream again without training, and keeps nothing; `told` hears how far it is. */
export async function frozenBaseline(
  run: Omit<RunOptions, "model" | "output" | "evaluation">,
  told: RunOptions["output"]["event"],
): Promise<Baseline> {
  const method = METHODS.find(({ name }) => name === BASELINE)!;
  const choice = chosenHeads(method);
  const model = new ContinualModel(run.context, {
    method,
    methodOptions: checked(method.options, {}, `method ${method.name}`),
    ...choice,
    headOptions: checked(headSetOptions(choice.heads, choice.drift), {}, `heads of ${method.name}`),
  });
  const { correct, testImages } = await runStream({
    ...run,
    model,
    evaluation: { after: "last", tasks: "seen" },
    output: {
      // It is no part of the run: the log has nothing of it.
      event: (event) => {
        if (event.type === "phase") told({ ...event, name: `frozen ${BASELINE}, ${event.name}` });
      },
      saveModel: async () => {},
      saveCheckpoint: async () => {},
    },
  });
  const [readout] = model.heads.names;
  return { method: BASELINE, lastAccuracy: share(correct[readout!]!.at(-1)!, testImages) };
}
