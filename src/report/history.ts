/** @file What the report needs from a run's events, by task. Of repeated events the last one counts. */
import type { Figure } from "../methods/figures.ts";
import type { RunEvent } from "../train/events.ts";

/** Mean training loss of one epoch. */
interface EpochLoss {
  readonly task: number;
  readonly epoch: number;
  readonly loss: number;
}

/** Figures of one kind by name, then by task. */
type ByName<Value> = ReadonlyMap<string, ReadonlyMap<number, Value>>;

/** A method's figures, for sections that draw a kind without knowing the method. */
export interface FigureHistory {
  /** Numbers a layer. */
  readonly layers: ByName<Readonly<Record<string, number>>>;
  /** directions.get(name).get(t)[i]: cosine of the vectors of task t and the earlier task i. */
  readonly directions: ByName<readonly number[]>;
  readonly numbers: ByName<number>;
}

/** The events of a run, sorted by what they tell. */
export interface RunHistory {
  readonly notes: readonly string[];
  readonly tasks: ReadonlyMap<number, Extract<RunEvent, { type: "task-start" }>>;
  /** In order of task, then epoch; without losses that are not finite. */
  readonly epochs: readonly EpochLoss[];
  /** What the method told, by kind and name. */
  readonly figures: FigureHistory;
  readonly skipped: readonly { readonly id: string; readonly reason: string }[];
}

/** Reads the events once, in order. */
export function runHistory(events: readonly RunEvent[]): RunHistory {
  const notes = new Set<string>();
  const tasks = new Map<number, Extract<RunEvent, { type: "task-start" }>>();
  const epochs = new Map<number, Map<number, number>>();
  const figures: [task: number, figure: Figure][] = [];
  const skipped = new Map<string, string>();
  for (const event of events) {
    if (event.type === "run-start") for (const note of event.notes) notes.add(note);
    else if (event.type === "task-start") tasks.set(event.task, event);
    else if (event.type === "epoch") {
      const losses = epochs.get(event.task) ?? new Map<number, number>();
      epochs.set(event.task, losses.set(event.epoch, event.loss));
    } else if (event.type === "method") {
      for (const figure of event.figures) figures.push([event.task, figure]);
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
    figures: figureHistory(figures),
    skipped: [...skipped].map(([id, reason]) => ({ id, reason })),
  };
}

/** The last figure of a kind, a name and a task counts. */
function figureHistory(told: readonly (readonly [task: number, figure: Figure])[]): FigureHistory {
  const layers = new Map<string, Map<number, Readonly<Record<string, number>>>>();
  const vectors = new Map<string, Map<number, readonly number[]>>();
  const numbers = new Map<string, Map<number, number>>();
  const put = <Value>(all: Map<string, Map<number, Value>>, name: string, task: number, value: Value) =>
    all.set(name, (all.get(name) ?? new Map<number, Value>()).set(task, value));
  for (const [task, figure] of told) {
    if (figure.kind === "layers") put(layers, figure.name, task, figure.values);
    else if (figure.kind === "direction") put(vectors, figure.name, task, figure.vector);
    else put(numbers, figure.name, task, figure.value);
  }
  const directions = new Map([...vectors].map(([name, byTask]) => [name, similarities(byTask)]));
  return { layers, directions, numbers };
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
