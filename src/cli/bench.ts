/** @file `fmlora bench` */
import { availableParallelism, cpus } from "node:os";
import { Command } from "@commander-js/extra-typings";
import * as z from "zod";
import { imageSide } from "../nn/bounds.ts";
import { findBackbone } from "../node/backbones/backbones.ts";
import { bestAndMedian, measureBackbone, type SpeedResult } from "../node/runs/speed.ts";
import { defaultThreads } from "../node/runtime/threads.ts";
import { bytes, decimal, jsonLine, printable, rate } from "../report/format.ts";
import { batchCount, checkBatch, defaultMicroBatch, threadCount } from "../run/bounds.ts";
import { checked } from "../run/checked.ts";
import { DEVICES } from "../runtime/runtime.ts";
import { print } from "./output.ts";
import { describe, given, settingsOf, usage } from "./settings.ts";

const positive = z.number().int().positive();
const options = z.object({
  backbone: z
    .string()
    .default("vit-tiny-patch8-64")
    .describe("name of a shipped backbone, a folder, or organization/name on the Hugging Face Hub"),
  imageSize: imageSide.optional().describe("input side in pixels, if not the backbone's own"),
  batch: batchCount.default(32).describe("images of a training step"),
  microBatch: batchCount
    .optional()
    .describe("images in one run of the graph (default: by the number of tokens)"),
  precision: z
    .enum(["float32", "int8"])
    .default("float32")
    .describe("of products with frozen weights; int8 is faster and rounds"),
  rank: positive.default(8).describe("rank of the LoRA that is trained"),
  repetitions: positive.default(10).describe("how often each thing is measured"),
  device: z.enum(DEVICES).default("cpu").describe("what computes"),
  threads: threadCount.optional().describe("threads of the runtime (default: all cores, at most 8)"),
});
const settings = settingsOf(options);

/** Measures a backbone on this machine. */
export function benchCommand() {
  const command = new Command("bench");
  for (const setting of settings) command.option(usage(setting), describe(setting));
  return command.option("--json", "print one line of JSON for each thing measured").action(async (typed) => {
    const values = checked(options, given(settings, typed));
    const { imageSize, precision } = values;
    const backbone = await findBackbone(values.backbone, { imageSize, stored: precision === "int8" });
    for (const notice of backbone.notices ?? []) process.stderr.write(`note: ${printable(notice)}\n`);
    const threads = values.threads ?? defaultThreads();
    const microBatch = values.microBatch ?? defaultMicroBatch(backbone);
    checkBatch("batch", values.batch, backbone.config.imageSize);
    checkBatch("microBatch", microBatch, backbone.config.imageSize);
    const json = (typed as { json?: true }).json === true;
    if (!json) {
      const [cpu] = cpus();
      const machine = `${cpu?.model.trim() ?? "unknown processor"}, ${availableParallelism()} cores`;
      print(
        `${values.backbone}, ${values.precision}, ${values.device}, ${threads} threads, ${microBatch} images a run; ${machine}\n`,
      );
    }
    for await (const result of measureBackbone(backbone, { ...values, threads, microBatch })) {
      print(`${json ? asJson(result) : asText(result)}\n`);
    }
    if (!json) print(`peak memory ${bytes(process.resourceUsage().maxRSS * 1024)}\n`);
  });
}

function asText({ name, images, milliseconds }: SpeedResult): string {
  const { best, median } = bestAndMedian(milliseconds);
  const times = `best ${decimal(best, 1)} ms, median ${decimal(median, 1)} ms`;
  return `${name}: ${times}, ${rate((1000 * images) / median)} images/s`;
}

function asJson(result: SpeedResult): string {
  const { best, median } = bestAndMedian(result.milliseconds);
  const { name, images } = result;
  return jsonLine({ name, images, best, median, imagesPerSecond: (1000 * images) / median });
}
