/** @file Descriptions of models as earlier versions wrote them, brought to today's form. */

/** The form that is written today. 1 had no number: class statistics were options of the method. */
export const FORMAT = 2;

/** What the first form kept among a method's options, and where each went. */
interface FormerOptions {
  readonly pure?: boolean;
  readonly driftCompensation?: boolean;
  readonly driftRidge?: number;
  readonly shrinkage?: number;
  readonly betweenScatter?: boolean;
}

/** Heads of the methods that there were, whatever is the default now; those of the others were rows and lda. */
const FORMER_HEADS: Readonly<Record<string, readonly string[]>> = {
  "fm-lora": ["lda", "rows"],
  ncm: ["ncm", "lda"],
  lda: ["lda", "ncm"],
};

/** A description with heads, drift map and their options beside the method's. Of today's form it is returned as it is. */
export function currentDescription(
  description: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  if (description.format !== undefined) return description;
  const { pure, driftCompensation, driftRidge, shrinkage, betweenScatter, ...methodOptions } =
    (description.methodOptions ?? {}) as FormerOptions;
  const frozen = description.method === "ncm" || description.method === "lda";
  const drift = frozen || driftCompensation === false ? "none" : "ridge";
  const headOptions =
    pure === true
      ? {}
      : {
          ...(shrinkage === undefined ? {} : { shrinkage }),
          ...(betweenScatter === undefined ? {} : { betweenScatter }),
          ...(driftRidge === undefined || drift === "none" ? {} : { driftRidge }),
        };
  return {
    ...description,
    format: FORMAT,
    methodOptions,
    heads: pure === true ? ["rows"] : (FORMER_HEADS[String(description.method)] ?? ["rows", "lda"]),
    drift,
    headOptions,
  };
}
