/** @file What the thread that reads parquet files is asked, and what it answers. */

/** A question about a file, with a number that its answer repeats. */
export type Question = { readonly id: number; readonly file: string } & (
  | { readonly ask: "open" }
  | { readonly ask: "column"; readonly column: string }
  | { readonly ask: "image"; readonly column: string; readonly row: number }
);

/** What a file is, without its rows. */
export interface TableFacts {
  readonly rows: number;
  readonly columns: readonly string[];
  /** Names of the numbers in columns of classes. */
  readonly names: Readonly<Record<string, readonly string[]>>;
}

/** null: the thread is alive. Errors lose their class on the way, so that it is told apart. */
export type Answer =
  | ({ readonly id: number } & (
      | { readonly value: TableFacts | readonly (number | string | null)[] | Uint8Array }
      | { readonly error: string; readonly isInput: boolean }
    ))
  | null;

/** Milliseconds between two signs of life. */
export const ALIVE = 200;
