/** @file What two runs must agree in: everything in their folders but times and memory. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const TIMES = [
  "time",
  "seconds",
  "secondsLeft",
  "imagesPerSecond",
  "peakRssBytes",
  "taskSeconds",
  "evaluationSeconds",
];

/** `"seconds": 1.5` and `"taskSeconds": [1, 2]`: the name stays. */
export const TIME_VALUES = new RegExp(`("(?:${TIMES.join("|")})":)\\s*(?:[-\\d.e+]+|\\[[^\\]]*\\])`, "g");

/** A run's folder without times and memory. */
export interface RunFolder {
  /** Bytes of model/, as text that can be compared. */
  readonly model: Readonly<Record<string, string>>;
  /** Text of metrics.json. */
  readonly metrics: string;
  readonly events: readonly unknown[];
}

/** Reads a finished run. */
export function readRun(out: string): RunFolder {
  const withoutTimes = (json: string): unknown =>
    JSON.parse(json, (key, value) => (TIMES.includes(key) ? undefined : value));
  // A kill in the middle of a write leaves its temporary file beside these.
  const model = readdirSync(join(out, "model"))
    .filter((name) => /\.(json|safetensors)$/.test(name))
    .sort();
  return {
    model: Object.fromEntries(
      model.map((name) => [name, readFileSync(join(out, "model", name)).toString("base64")]),
    ),
    metrics: readFileSync(join(out, "metrics.json"), "utf8").replace(TIME_VALUES, "$1"),
    events: readFileSync(join(out, "events.jsonl"), "utf8").trimEnd().split("\n").map(withoutTimes),
  };
}
