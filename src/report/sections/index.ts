/** @file The report's sections, in order: a new picture is its file and a place here. */
import type { Section } from "../section.ts";
import { accuracy } from "./accuracy.ts";
import { accuracyMatrix } from "./accuracy-matrix.ts";
import { anytime } from "./anytime.ts";
import { classes, confusion } from "./classes.ts";
import { configuration } from "./configuration.ts";
import { domains } from "./domains.ts";
import { forgetting } from "./forgetting.ts";
import { headline } from "./headline.ts";
import { layers } from "./layers.ts";
import { loss } from "./loss.ts";
import { mistakes } from "./mistakes.ts";
import { notes } from "./notes.ts";
import { numbers } from "./numbers.ts";
import { similarity } from "./similarity.ts";
import { skipped } from "./skipped.ts";
import { state } from "./state.ts";
import { tasks } from "./tasks.ts";
import { verdict } from "./verdict.ts";

/** All of them. */
export const SECTIONS: readonly Section[] = [
  verdict,
  headline,
  classes,
  confusion,
  mistakes,
  accuracy,
  anytime,
  accuracyMatrix,
  forgetting,
  domains,
  layers,
  similarity,
  loss,
  state,
  tasks,
  numbers,
  skipped,
  notes,
  configuration,
];
