/** @file The report's sections, in order: a new picture is its file and a place here. */
import type { Section } from "../section.ts";
import { accuracy } from "./accuracy.ts";
import { accuracyMatrix } from "./accuracy-matrix.ts";
import { anytime } from "./anytime.ts";
import { configuration } from "./configuration.ts";
import { domains } from "./domains.ts";
import { layers } from "./layers.ts";
import { loss } from "./loss.ts";
import { notes } from "./notes.ts";
import { numbers } from "./numbers.ts";
import { similarity } from "./similarity.ts";
import { skipped } from "./skipped.ts";
import { state } from "./state.ts";
import { tasks } from "./tasks.ts";

/** All of them. */
export const SECTIONS: readonly Section[] = [
  notes,
  accuracy,
  anytime,
  accuracyMatrix,
  domains,
  layers,
  similarity,
  loss,
  state,
  tasks,
  numbers,
  skipped,
  configuration,
];
