/** @file Which heads of which runs a comparison shows, and what each is compared with. */
import { InputError } from "../../tensor/errors.ts";
import type { ComparedRun } from "./run.ts";

/** Runs of one label. */
export interface RunGroup {
  readonly label: string;
  readonly runs: readonly ComparedRun[];
  /** Whether they left the backbone as it is. */
  readonly frozen: boolean;
}

/** A row to be. */
interface ShownReadout {
  readonly group: RunGroup;
  readonly readout: string;
  /** Head of the reference that it is compared with; undefined: with none. */
  readonly against: string | undefined;
}

/** The head of the baseline that is shown wherever it is among the runs. */
const BASELINE = "lda";

/**
 * Every group under its own head and, where it has it, under the reference's, so that both sides of a difference have the
 * same readout. Frozen backbones also under LDA, if no other does. The reference under all heads that others are compared by.
 * @throws InputError if a head was asked for that a group lacks
 */
export function shownReadouts(
  groups: readonly RunGroup[],
  reference: string,
  readout: string | undefined,
): ShownReadout[] {
  const compared = groups.find(({ label }) => label === reference);
  const referenceHead = compared === undefined ? undefined : ownReadout(compared, readout);
  const shown = groups.map((group) => ({ group, heads: headsOf(group) }));
  const sides = shown.map(({ group, heads }) => ({
    group,
    heads: heads.map((head) => ({ head, against: group === compared ? undefined : sideFor(group, head) })),
  }));
  const used = sides.flatMap(({ heads }) => heads.flatMap(({ against }) => against ?? []));
  return sides.flatMap(({ group, heads }) => {
    const further = group === compared ? used.filter((head) => head !== referenceHead) : [];
    const all = [...heads, ...[...new Set(further)].map((head) => ({ head, against: undefined }))];
    return all.map(({ head, against }) => ({ group, readout: head, against }));
  });

  function headsOf(group: RunGroup): string[] {
    const own = ownReadout(group, readout);
    if (asked(group) !== undefined || readout !== undefined) return [own];
    const further = referenceHead !== undefined && has(group, referenceHead) ? [referenceHead] : [];
    const frozenHeads = groups.filter(({ frozen }) => frozen).map((each) => ownReadout(each, readout));
    const baseline =
      group.frozen && has(group, BASELINE) && !frozenHeads.includes(BASELINE) ? [BASELINE] : [];
    return [...new Set([own, ...further, ...baseline])];
  }

  function sideFor(group: RunGroup, head: string): string | undefined {
    if (compared === undefined) return undefined;
    if (asked(group) !== undefined || asked(compared) !== undefined) return referenceHead;
    return has(compared, head) ? head : undefined;
  }
}

const asked = ({ runs: [run] }: RunGroup): string | undefined => run!.readout;

const has = ({ runs }: RunGroup, readout: string): boolean =>
  runs.every(({ metrics }) => metrics.readout === readout || Object.hasOwn(metrics.readouts, readout));

/** The head that is reported of a group. */
function ownReadout(group: RunGroup, forAll: string | undefined): string {
  const reported = group.runs[0]!.metrics.readout;
  const wanted = asked(group) ?? forAll ?? reported;
  if (has(group, wanted)) return wanted;
  if (group.frozen && asked(group) === undefined) return reported;
  const there = Object.keys(group.runs[0]!.metrics.readouts).join(", ");
  throw new InputError(`comparison: ${group.label} has no head "${wanted}"; it has: ${there}`);
}
