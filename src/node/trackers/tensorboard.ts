/** @file `--log tensorboard`: event files in the run's folder, for `tensorboard --logdir`. */
import { appendFileSync, mkdirSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import type { RunMetrics } from "../../metrics/run-metrics.ts";
import { accuracyPicture } from "../../report/picture.ts";
import type { LogEntry, OpenLogger } from "../../run/logger.ts";
import { chartDocument } from "../runs/chart-document.ts";
import { type EventContent, eventRecord } from "./event-file.ts";
import { flatConfig } from "./flat-config.ts";

/** The version of the format that TensorBoard purges by. */
const VERSION = "brain.Event:2";

/** Writes tensorboard/events.out.tfevents.* in the run's folder; a resumed run begins another file. */
export const tensorboardLogger: OpenLogger = ({ out, config, history }) => {
  const folder = join(out, "tensorboard");
  mkdirSync(folder, { recursive: true });
  const now = Date.now();
  const file = join(
    folder,
    `events.out.tfevents.${String(now).padStart(14, "0")}.${hostname()}.${process.pid}`,
  );
  const write = (time: number, step: number, content: EventContent): void =>
    appendFileSync(file, eventRecord(time, step, content));
  const entry = ({ time, scalars }: LogEntry): void => {
    for (const { name, step, value } of scalars) {
      write(time, step, { values: [{ tag: name, scalar: value }] });
    }
  };
  write(history[0]?.time ?? now, 0, { fileVersion: VERSION });
  // Steps, tasks and images are axes of their own: all of a resumed run is told again, and counts from here on.
  write(history[0]?.time ?? now, 0, { restart: true });
  const rows = flatConfig(config).map(([name, value]) => `| ${name} | ${value.replaceAll("|", "\\|")} |\n`);
  const text = `| setting | value |\n| :--- | :--- |\n${rows.join("")}`;
  write(history[0]?.time ?? now, 0, { values: [{ tag: "configuration", text }] });
  for (const past of history) entry(past);
  return {
    log: entry,
    async close(end) {
      if (end !== "finished") return;
      const metrics = JSON.parse(readFileSync(join(out, "metrics.json"), "utf8")) as RunMetrics;
      const png = await sharp(Buffer.from(accuracyPicture(chartDocument(), metrics)))
        .png()
        .toBuffer({ resolveWithObject: true });
      const { width, height } = png.info;
      write(Date.now(), metrics.accuracyMatrix.length, {
        values: [{ tag: "accuracy_picture", png: png.data, width, height }],
      });
    },
  };
};
