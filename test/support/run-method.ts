/** @file `trainMethod` by a method's name, on one thread of the real runtime. */
import type { TaskStream } from "../../src/data/stream.ts";
import { type AnyMethod, METHODS, type MethodContext } from "../../src/methods/index.ts";
import { nodeRuntime } from "../../src/node/runtime/runtime.ts";
import { encodeSafetensors } from "../../src/tensor/safetensors.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import {
  testContext as contextWith,
  type TrainedMethod,
  type TrainMethodOptions,
  trainMethod,
} from "../../src/testing/train-method.ts";

/** A run's parts that tests change. */
export type RunChanges = Partial<TrainMethodOptions>;

export type FinishedRun = TrainedMethod;

/** The method of that name. */
export const methodOf = (name: string): AnyMethod => METHODS.find((method) => method.name === name)!;

/** One runtime for all tests of a file. */
export const oneThread = nodeRuntime({ threads: 1 });

/** What a method gets in tests. */
export const testContext = (
  changes: Pick<RunChanges, "seed" | "runtime" | "backbone" | "precision"> = {},
): MethodContext => contextWith({ runtime: oneThread, ...changes });

/** Trains to the end of the stream (all tasks at once for a joint method). */
export const runMethod = (name: string, stream: TaskStream, changes: RunChanges = {}): Promise<FinishedRun> =>
  trainMethod(methodOf(name), stream, { runtime: oneThread, ...changes });

/** The state as its file would be. */
export const stateBytes = (state: Readonly<Record<string, Tensor>>): Buffer =>
  Buffer.from(encodeSafetensors(state));
