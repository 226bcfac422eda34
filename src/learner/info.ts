/** @file What a learner says about itself: classes, tasks, how alike they are, and how large it is. */
import { columnMeans } from "../tensor/linear-algebra.ts";
import { bytesOf, float32Data, type Tensor } from "../tensor/tensor.ts";
import { livePositions, type Memory } from "./memory.ts";
import type { LearnerParts } from "./parts.ts";
import type { LearnedTask } from "./record.ts";

/** A task, with names of classes; "" for one that was removed. */
export interface TaskInfo extends Omit<LearnedTask, "added" | "updated"> {
  readonly added: readonly string[];
  readonly updated: readonly string[];
}

/** What a learner is, and has learned. */
export interface LearnerInfo {
  readonly method: string;
  /** The first answers. */
  readonly heads: readonly string[];
  readonly backbone: string;
  /** Layers that the adapter changes which it started from; 0 where it started from the bare backbone. */
  readonly adapterLayers: number;
  /** Images learned by class; 0 where a run has learned it, which counts none. */
  readonly classes: Readonly<Record<string, number>>;
  /** Tasks that a run had trained before. */
  readonly tasksBefore: number;
  readonly tasks: readonly TaskInfo[];
  /**
   * Cosine between tasks' mean class features, less the mean of all classes; null for a task whose classes have no
   * means. [tasks, tasks]
   */
  readonly similarity: readonly (readonly (number | null)[])[];
  /** Of all that is saved, without the backbone. */
  readonly stateBytes: number;
  readonly backboneParameters: number;
  /** Whether the last learn can be taken back. */
  readonly canUndo: boolean;
}

/** What there is to say. @param state all tensors that are saved */
export function infoOf(
  { basis, model, context, tasksBefore }: LearnerParts,
  memory: Memory,
  state: Readonly<Record<string, Tensor>>,
  canUndo: boolean,
): LearnerInfo {
  const { classNames, record } = memory;
  const names = (positions: readonly number[]): string[] => positions.map((at) => classNames[at]!);
  const { weights, adapter = {} } = context.backbone;
  return {
    method: basis.method,
    heads: model.heads.names,
    backbone: basis.backbone,
    adapterLayers: Object.keys(adapter).length,
    classes: Object.fromEntries(livePositions(memory).map((at) => [classNames[at]!, record.images[at] ?? 0])),
    tasksBefore,
    tasks: record.tasks.map((task) => ({ ...task, added: names(task.added), updated: names(task.updated) })),
    similarity: similarities(record.tasks, state),
    stateBytes: bytesOf(state),
    backboneParameters: Object.values(weights).reduce(
      (sum, { dims }) => sum + dims.reduce((product, dim) => product * dim, 1),
      0,
    ),
    canUndo,
  };
}

function similarities(
  tasks: readonly LearnedTask[],
  state: Readonly<Record<string, Tensor>>,
): (number | null)[][] {
  const [list, means] = [state["statistics.classes"], state["statistics.means"]];
  const classes = list === undefined ? [] : [...(list.data as Int32Array)];
  const d = means?.dims[1] ?? 0;
  const rows = means === undefined ? new Float32Array() : float32Data(means);
  const center = classes.length === 0 ? new Float64Array(d) : columnMeans(rows, d);
  const directions = tasks.map(({ added, updated }) => {
    const own = [...added, ...updated].map((at) => classes.indexOf(at)).filter((row) => row >= 0);
    if (own.length === 0) return null;
    const all = Float32Array.from(own.flatMap((row) => [...rows.subarray(row * d, (row + 1) * d)]));
    return columnMeans(all, d).map((value, i) => value - center[i]!);
  });
  return directions.map((a) => directions.map((b) => (a === null || b === null ? null : cosine(a, b))));
}

function cosine(a: Float64Array, b: Float64Array): number | null {
  const dot = (x: Float64Array, y: Float64Array): number =>
    x.reduce((sum, value, i) => sum + value * y[i]!, 0);
  const norm = Math.sqrt(dot(a, a) * dot(b, b));
  return norm < 1e-12 ? null : dot(a, b) / norm; // one task alone is the mean itself
}
