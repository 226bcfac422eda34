/** @file A process that computes on a device of its own and prints what came of it: drivers are found when it starts. */
import { classIncremental } from "../../../src/data/stream.ts";
import { nodeRuntime } from "../../../src/node/runtime/runtime.ts";
import type { Device } from "../../../src/runtime/runtime.ts";
import { checkRuntime } from "../../../src/testing/index.ts";
import { patternDataset } from "../../../src/testing/patterns.ts";
import { runMethod } from "../../support/run-method.ts";
import { stepOn } from "../../support/step-on.ts";

const runtime = nodeRuntime({ threads: 1, device: process.argv[2] as Device });
await checkRuntime(runtime);
const step = await stepOn(runtime);
const data = patternDataset({ classes: 4, trainPerClass: 4, testPerClass: 2 });
const stream = classIncremental(data, { tasks: 2, orderSeed: null });
const { losses } = await runMethod("fm-lora", stream, { runtime, epochs: 1 });
console.log(JSON.stringify({ name: runtime.name, step, losses }));
