/** @file The page that runs the example of docs/browser.md. */
import { teach } from "../../../examples/browser/learn.ts";

const images = (label: number): Promise<Blob[]> =>
  Promise.all(
    [0, 1, 2, 3, 4].map(async (i) => (await fetch(`/images/train/class-${label}/${i}.png`)).blob()),
  );

async function run() {
  const [mugs, pens, keys] = await Promise.all([images(0), images(1), images(2)]);
  const { answer, model } = await teach(mugs, pens, keys, pens[0]!);
  return { label: answer!.label, classes: answer!.classes.length, bytes: model.length };
}

Object.assign(globalThis, { run });
