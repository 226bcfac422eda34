/** @file A configuration as names and texts. */

/** Single settings by dotted name. */
export function flatConfig(value: unknown, path: readonly string[] = []): [name: string, text: string][] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return [[path.join("."), typeof value === "string" ? value : JSON.stringify(value)]];
  }
  return Object.entries(value).flatMap(([key, inner]) => flatConfig(inner, [...path, key]));
}
