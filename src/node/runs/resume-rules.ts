/** @file What a resumed run may have that the run before it had not, and how the rest is told. */
import { currentDescription } from "../../run/former-model.ts";
import type { ConfigRules } from "../files/claim-folder.ts";

/** Of options that have no influence on results, or none so far. */
export const resumeRules: ConfigRules = {
  // What format 2 left unsaid was other than today's defaults are; all options are said then, and compared.
  current: (before) => (before.format === 2 ? currentDescription(before) : before),
  mayChange(name, before, now) {
    switch (name) {
      // A plugin may have moved, and others may be there: its method and benchmark are compared by name and options.
      case "plugins":
        return true;
      // With "fail" a run goes on only while every image could be read: so far, "skip" would have done the same.
      case "unreadable":
        return before === "fail" && now === "skip";
      // Runs before there was a choice.
      case "device":
        return before === undefined && now === "cpu";
      case "threads":
        return `it ran on ${before} threads and goes on with ${now}: results are equal bit for bit on the same number only`;
      // Of a user's own images it is the folder's name; another split has other images.
      case "dataset":
        return true;
      // What matters is what is in them: identity.weights and identity.data.
      case "data":
      case "backbone":
        return `its ${name} was ${before} and is ${now} now, with the same content`;
      default:
        return false;
    }
  },
  describe(name, before, now) {
    if (name === "identity.weights") {
      return `the run there was trained on other weights (SHA-256 ${short(before)}, now ${short(now)}); give it the backbone that it had`;
    }
    if (name === "identity.classNames") return classChange(before, now);
    if (name === "identity.data" || name === "identity.trainImages" || name === "identity.testImages") {
      return "the images are no longer those of the run there: some were added, replaced, renamed or removed since; put them back";
    }
    return undefined;
  },
};

const short = (digest: unknown): string => String(digest).slice(0, 12);

/** Which classes came and went. */
function classChange(before: unknown, now: unknown): string {
  const [old, given] = [before, now].map((value) => (Array.isArray(value) ? value.map(String) : []));
  const gone = old!.filter((name) => !given!.includes(name));
  const come = given!.filter((name) => !old!.includes(name));
  const named = (names: readonly string[]): string =>
    `${names
      .slice(0, 5)
      .map((name) => `"${name}"`)
      .join(", ")}${names.length > 5 ? ` and ${names.length - 5} more` : ""}`;
  const what = [
    ...(gone.length > 0 ? [`without ${named(gone)}`] : []),
    ...(come.length > 0 ? [`with ${named(come)}`] : []),
  ];
  return `the classes are no longer those of the run there: now they are ${what.join(" and ") || "in another order"}; put them back`;
}
