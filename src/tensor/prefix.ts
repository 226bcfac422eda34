/** @file Tensors of several owners in one state: each owner's names have its prefix there. */
import type { Tensor } from "./tensor.ts";

/** The same tensors, with `prefix` before their names. */
export const prefixed = (
  prefix: string,
  tensors: Readonly<Record<string, Tensor>>,
): Readonly<Record<string, Tensor>> =>
  Object.fromEntries(Object.entries(tensors).map(([name, value]) => [prefix + name, value]));

/** The tensors whose names begin with `prefix`, without it. */
export const withPrefix = (
  prefix: string,
  tensors: Readonly<Record<string, Tensor>>,
): Record<string, Tensor> =>
  Object.fromEntries(
    Object.entries(tensors)
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, value]) => [name.slice(prefix.length), value]),
  );
