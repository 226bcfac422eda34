/** @file Which cell is this process's, where a scheduler started one for every index. */
import type { Cell } from "../../grid/cells.ts";
import { InputError } from "../../tensor/errors.ts";

/** Where schedulers say it: Slurm, Kubernetes' Indexed Jobs. */
const VARIABLES = ["SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX"];

/**
 * The cell of an index, counted from 0.
 * @param given what was typed; else the scheduler's variable counts
 * @throws InputError if there is none, or no such cell
 */
export function cellAt(
  cells: readonly Cell[],
  given: string | undefined,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Cell {
  const variable = VARIABLES.find((name) => environment[name] !== undefined);
  const text = given ?? (variable === undefined ? undefined : environment[variable]);
  if (text === undefined) {
    throw new InputError(
      `--index is missing: which cell, counted from 0; else ${VARIABLES.join(" or ")} says it`,
    );
  }
  const cell = /^\d+$/.test(text) ? cells[Number(text)] : undefined;
  if (cell !== undefined) return cell;
  const source = given === undefined ? variable : "--index";
  throw new InputError(
    `${source} ${JSON.stringify(text)}: expected a whole number from 0 to ${cells.length - 1}`,
  );
}
