/** @file JSON whose real numbers stay real: transformers 5 refuses a whole number where it wants another. */

/** Names of the fields that a text writes as real numbers though they are whole: "layerscale_value": 1.0 */
export const realFields = (text: string): ReadonlySet<string> =>
  new Set([...text.matchAll(/"(\w+)"\s*:\s*-?\d+\.0+(?![\deE])/g)].map(([, name]) => name!));

/** A file's text in which those fields keep their form. */
export const jsonText = (value: object, real: ReadonlySet<string> = new Set()): string =>
  `${JSON.stringify(value, null, 2).replaceAll(/"(\w+)": (-?\d+)(?=,?$)/gm, (whole, name: string) =>
    real.has(name) ? `${whole}.0` : whole,
  )}\n`;
