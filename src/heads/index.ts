/** @file The heads: a new one is its file and a place here. */
import { aligned } from "./aligned.ts";
import { gaussian } from "./gaussian.ts";
import type { AnyHead } from "./head.ts";
import { lda } from "./lda.ts";
import { ncm } from "./ncm.ts";
import { ranpac } from "./ranpac.ts";
import { rows } from "./rows.ts";

export * from "./drift/index.ts";
export * from "./head.ts";

/** All of them. */
export const HEADS: readonly AnyHead[] = [aligned, gaussian, lda, ncm, ranpac, rows];
