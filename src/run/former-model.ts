/** @file Descriptions of models as earlier versions wrote them, brought to today's form. */

/**
 * The form that is written today. 1 had no number: class statistics were options of the method. In 2, fm-lora trained by the
 * plain recipe where its options did not say how, and drift maps were fitted on a task's own images alone.
 */
export const FORMAT = 3;

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

/** How fm-lora trained where an option that came later is not there. */
const FORMER_RECIPE = { rows: "linear", rowStart: "zero", distillation: 0 };

type Description = Readonly<Record<string, unknown>>;

/** A description in today's form; of today's form it is returned as it is. */
export function currentDescription(description: Description): Description {
  if (description.format === undefined) return withRecipe(withHeads(description));
  return description.format === 2 ? withRecipe(description) : description;
}

/** Of form 2: what it left unsaid is said. */
function withRecipe(description: Description): Description {
  const { method, methodOptions: own, headOptions: heads } = description;
  const trains = method === "fm-lora" && isRecord(own);
  // A drift map that moves anything had its options written, whatever their values.
  const moves = isRecord(heads) && Object.keys(heads).some((name) => name.startsWith("drift"));
  return {
    ...description,
    format: FORMAT,
    methodOptions: trains ? { ...FORMER_RECIPE, ...own } : own,
    ...(moves && { headOptions: { driftViews: 0, ...heads } }),
  };
}

const isRecord = (value: unknown): value is Description =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Heads, drift map and their options beside the method's. */
function withHeads(description: Description): Description {
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
    methodOptions,
    heads: pure === true ? ["rows"] : (FORMER_HEADS[String(description.method)] ?? ["rows", "lda"]),
    drift,
    headOptions,
  };
}
