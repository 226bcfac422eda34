/** @file How many threads there are if nobody says. */
import { availableParallelism } from "node:os";

/** All cores, up to eight: more threads than that hardly speed up graphs of this size. */
export const defaultThreads = (): number => Math.min(availableParallelism(), 8);
