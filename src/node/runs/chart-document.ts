/** @file What reports are drawn with where there is no browser. */
// The "worker" build is one file, without the optional canvas that the other one looks for.
import { parseHTML } from "linkedom/worker";
import type { ChartDocument } from "../../report/document.ts";

/** An empty document of linkedom, for `reportHtml`. */
export const chartDocument = (): ChartDocument =>
  parseHTML("<!doctype html><html><body></body></html>").document;
