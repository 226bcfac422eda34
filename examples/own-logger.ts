/** @file A logger of one's own hears of a run: it prints every number. */
import type { OpenLogger } from "fm-lora";
import { runBenchmark, tracked } from "fm-lora/node";

const printed: OpenLogger = ({ config }) => ({
  log({ scalars }) {
    for (const { name, step, value } of scalars) console.log(config.method, name, step, value);
  },
  async close(end) {
    console.log(end); // "finished", "stopped" or "failed"
  },
});

const out = process.argv[2] ?? "runs/logged";
const request = { benchmark: "emoji", method: "ncm", tasks: 2, benchmarkOptions: { classes: 4 }, out };
await tracked({ out, loggers: [printed], tell: console.warn }, (listen) =>
  runBenchmark({ ...request, listen }),
);
