/** @file A process of `npm run fuzz`: tries what it is told to, and may be killed. */
import { campaign, type Outcome } from "./campaign.ts";
import { targetNamed } from "./targets.ts";

/** Inputs to try. */
export interface Batch {
  readonly target: string;
  readonly seed: number;
  readonly runs: number;
}

const tell = (answer: Outcome | { readonly fault: string }): void => void process.send!(answer);

process.on("uncaughtException", (error) => tell({ fault: error.stack ?? error.message }));
process.on("unhandledRejection", (error) =>
  tell({ fault: error instanceof Error ? error.stack! : String(error) }),
);
process.on("disconnect", () => process.exit(0));
process.on("message", async ({ target, seed, runs }: Batch) => {
  tell(await campaign(targetNamed(target), seed, runs));
});
