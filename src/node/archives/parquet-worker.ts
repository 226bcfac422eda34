/** @file What runs in the worker thread of parquet-thread.ts: parquet-table.ts, a message a question. */
import { parentPort } from "node:worker_threads";
import { InputError } from "../../tensor/errors.ts";
import { ALIVE, type Answer, type Question, type TableFacts } from "./parquet-messages.ts";
import { PageCache, ParquetTable } from "./parquet-table.ts";

const port = parentPort!;
const cache = new PageCache();
const tables = new Map<string, Promise<ParquetTable>>();

function tableOf(file: string): Promise<ParquetTable> {
  const known = tables.get(file);
  if (known !== undefined) return known;
  const table = ParquetTable.open(file, cache);
  tables.set(file, table);
  table.catch(() => tables.delete(file));
  return table;
}

async function answerTo(question: Question): Promise<TableFacts | (number | string | null)[] | Uint8Array> {
  const { file } = question;
  if (question.ask === "open") tables.delete(file); // it may have been replaced
  const table = await tableOf(file);
  if (question.ask === "column") return table.column(question.column);
  if (question.ask === "image") return table.image(question.column, question.row);
  const { rows, columns } = table;
  const names = columns.flatMap((column) => {
    const found = table.names(column);
    return found === undefined ? [] : [[column, found] as const];
  });
  return { rows, columns, names: Object.fromEntries(names) };
}

// Where one column of a damaged file fails, the library leaves others unawaited; who waits for an answer hears of one.
process.on("unhandledRejection", () => {});

port.postMessage(null satisfies Answer); // it has started

let pending = 0;
let signs: NodeJS.Timeout | undefined;

port.on("message", async (question: Question) => {
  pending++;
  // Whatever loops for ever in a library keeps these from coming.
  signs ??= setInterval(() => port.postMessage(null satisfies Answer), ALIVE);
  const { id } = question;
  try {
    const value = await answerTo(question);
    port.postMessage(
      { id, value } satisfies Answer,
      value instanceof Uint8Array ? [value.buffer as ArrayBuffer] : [],
    );
  } catch (error) {
    const isInput = error instanceof InputError;
    const text = isInput || !(error instanceof Error) ? undefined : error.stack;
    port.postMessage({ id, error: text ?? (error as Error).message, isInput } satisfies Answer);
  }
  if (--pending > 0) return;
  clearInterval(signs);
  signs = undefined;
});
