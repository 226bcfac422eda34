/** @file No compensation: what is kept stays where it was. */
import * as z from "zod";
import { defineDrift } from "./drift.ts";

/** Leaves statistics as they were when their images were seen. */
export const none = defineDrift({
  name: "none",
  summary: "what is kept of old classes stays where it was",
  source: "ours",
  options: z.object({}),
  fit: () => undefined,
});
