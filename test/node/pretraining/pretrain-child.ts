/** @file A pre-training in its own process, which tests kill. Usage: node --import tsx pretrain-child.ts REQUEST.json */
import { readFileSync } from "node:fs";
import { type PretrainingRequest, runPretraining } from "../../../src/node/pretraining/pretrain.ts";

const request = JSON.parse(readFileSync(process.argv[2]!, "utf8")) as PretrainingRequest;
await runPretraining(request, (event) => process.stdout.write(`${JSON.stringify(event)}\n`));
