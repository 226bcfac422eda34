/** @file How many threads there may be, and how many there are if nobody says. */
import { availableParallelism } from "node:os";
import { z } from "zod";

/** Far above any machine's cores, far below what takes all of its memory. */
export const MOST_THREADS = 1024;

/** A number of threads, for the schemas of options. */
export const threadCount = z.number().int().positive().max(MOST_THREADS);

/** All cores, up to eight: more threads than that hardly speed up graphs of this size. */
export const defaultThreads = (): number => Math.min(availableParallelism(), 8);
