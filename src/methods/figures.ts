/** @file What a method may tell about a task, typed, so that a report can draw it without knowing the method. */

/** One thing told about one task. A later one of the same kind and name replaces it. */
export type Figure =
  /** A number a layer, such as the chosen rank by adapted site. Drawn as a panel of tasks by blocks. */
  | {
      readonly kind: "layers";
      readonly name: string;
      readonly values: Readonly<Record<string, number>>;
    }
  /** A unit vector. Drawn as the cosines between tasks. */
  | { readonly kind: "direction"; readonly name: string; readonly vector: readonly number[] }
  /** A number. Drawn as a column of a table. */
  | { readonly kind: "number"; readonly name: string; readonly value: number };

/** Name of the figure that metrics.json keeps as `ranks`. */
export const RANK = "rank";

/** Name of the figure that says on how many scrambled views of its images a task's drift map was fitted besides. */
export const DRIFT_VIEWS = "driftViews";

/** Name of the figure that compares tasks by their inputs. */
export const INPUTS = "inputs";
