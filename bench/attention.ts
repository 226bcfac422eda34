/** @file PyTorch under both attentions of transformers: which one is the faster depends on processor and precision. */

/** What transformers computes attention with: what it takes unless told otherwise, or plain products and a softmax. */
export type Attention = "default" | "eager";

/** Every side under both; one that compiles is left as it is, since Inductor makes an attention of its own. */
export const underBothAttentions = <Kind extends { readonly name: string; readonly compile?: boolean }>(
  sides: readonly Kind[],
): (Kind & { readonly attention: Attention; readonly base: string })[] =>
  sides.flatMap((side) => {
    const base = side.name;
    const usual = { ...side, attention: "default", base } as const;
    if (side.compile === true) return [usual];
    return [usual, { ...side, name: `${base}, eager attention`, attention: "eager", base } as const];
  });

/** The fastest of some sides: the one that a ratio of speed is taken of. */
export const fastest = <Side extends { readonly best: number }>(sides: readonly Side[]): Side | undefined =>
  sides.toSorted((a, b) => a.best - b.best)[0];
