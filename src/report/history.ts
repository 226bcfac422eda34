/** @file What the report needs from a run's events, by task. Of repeated events the last one counts. */

import type { RunEvent } from "../train/events.ts";

/** Mean training loss of one epoch. */
interface EpochLoss {
  readonly task: number;
  readonly epoch: number;
  readonly loss: number;
}

/** The events of a run, sorted by what they tell. */
export interface RunHistory {
  readonly notes: readonly string[];
  readonly tasks: ReadonlyMap<number, Extract<RunEvent, { type: "task-start" }>>;
  /** In order of task, then epoch; without losses that are not finite. */
  readonly epochs: readonly EpochLoss[];
  /** similarity.get(t)[i]: cosine of the fingerprints of task t and the earlier task i. */
  readonly similarity: ReadonlyMap<number, readonly number[]>;
  /** Ranks per task that a method reported, for metrics that have none. */
  readonly ranks: ReadonlyMap<number, Readonly<Record<string, number>>>;
  /** Other numbers that a method reported per task. */
  readonly values: ReadonlyMap<number, Readonly<Record<string, number>>>;
  readonly skipped: readonly { readonly id: string; readonly reason: string }[];
}

/** Reads the events once, in order. */
export function runHistory(events: readonly RunEvent[]): RunHistory {
  const notes = new Set<string>();
  const tasks = new Map<number, Extract<RunEvent, { type: "task-start" }>>();
  const epochs = new Map<number, Map<number, number>>();
  const fingerprints = new Map<number, readonly number[]>();
  const ranks = new Map<number, Readonly<Record<string, number>>>();
  const values = new Map<number, Readonly<Record<string, number>>>();
  const skipped = new Map<string, string>();
  for (const event of events) {
    if (event.type === "run-start") for (const note of event.notes) notes.add(note);
    else if (event.type === "task-start") tasks.set(event.task, event);
    else if (event.type === "epoch") {
      const losses = epochs.get(event.task) ?? new Map<number, number>();
      epochs.set(event.task, losses.set(event.epoch, event.loss));
    } else if (event.type === "method") {
      if (event.fingerprint !== undefined) fingerprints.set(event.task, event.fingerprint);
      if (event.ranks !== undefined) ranks.set(event.task, event.ranks);
      // A method may report in several events per task.
      if (event.values !== undefined) values.set(event.task, { ...values.get(event.task), ...event.values });
    } else if (event.type === "skipped-image") skipped.set(event.id, event.reason);
  }
  return {
    notes: [...notes],
    tasks,
    epochs: byNumber(epochs).flatMap(([task, losses]) =>
      byNumber(losses)
        // JSON has no NaN: a diverged loss is null in events.jsonl.
        .filter(([, loss]) => Number.isFinite(loss))
        .map(([epoch, loss]) => ({ task, epoch, loss })),
    ),
    similarity: similarities(fingerprints),
    ranks,
    values,
    skipped: [...skipped].map(([id, reason]) => ({ id, reason })),
  };
}

/** Cosines of unit vectors; tasks whose fingerprints have another length don't compare. */
function similarities(fingerprints: ReadonlyMap<number, readonly number[]>): Map<number, number[]> {
  return new Map(
    byNumber(fingerprints).map(([task, own]) => [
      task,
      Array.from({ length: task }, (_, earlier) => {
        const other = fingerprints.get(earlier);
        if (other === undefined || other.length !== own.length || own.length === 0) return Number.NaN;
        return own.reduce((sum, value, i) => sum + value * other[i]!, 0);
      }),
    ]),
  );
}

function byNumber<Item>(map: ReadonlyMap<number, Item>): [number, Item][] {
  return [...map].sort(([a], [b]) => a - b);
}
