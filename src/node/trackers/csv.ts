/** @file log.csv: every number of a run, a row each. */
import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { LogEntry, OpenLogger } from "../../run/logger.ts";

const HEADER = "time,task,step,name,value\n";

/** Writes log.csv in the run's folder; of a resumed run it is written again up to the checkpoint. */
export const csvLogger: OpenLogger = ({ out, history }) => {
  const file = join(out, "log.csv");
  writeFileSync(file, `${HEADER}${history.map(rowsOf).join("")}`);
  return {
    log(entry) {
      const rows = rowsOf(entry);
      if (rows !== "") appendFileSync(file, rows);
    },
    close: async () => {},
  };
};

/** Tasks count from 1, as steps do. */
function rowsOf({ time, event, scalars }: LogEntry): string {
  const task = "task" in event ? event.task + 1 : "";
  const stamp = new Date(time).toISOString();
  return scalars.map(({ step, name, value }) => `${stamp},${task},${step},${name},${value}\n`).join("");
}
