/** @file The heads: a new one is its file and a place here. */
import type { AnyHead } from "./head.ts";
import { lda } from "./lda.ts";
import { ncm } from "./ncm.ts";
import { rows } from "./rows.ts";

export * from "./drift/index.ts";
export * from "./head.ts";

/** All of them. */
export const HEADS: readonly AnyHead[] = [lda, ncm, rows];
