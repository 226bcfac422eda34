/** @file A learner in a page: taught twice, kept in the browser, and taken along as a file. */
import { createLearner, openLearner } from "fm-lora/web";

/** Where the page's server has the files of models/vit-tiny-patch8-64. */
const backbone = "/models/vit-tiny-patch8-64";

/** Photos are files as an <input type="file"> or a drop gives them, or a canvas' ImageData. */
export async function teach(mugs: Blob[], pens: Blob[], keys: Blob[], photo: Blob) {
  const learner = await createLearner({
    backbone,
    onDownload: ({ received, total }) => console.log("backbone", received, "of", total),
  });
  const stop = new AbortController(); // stop.abort() leaves the learner as it was
  const first = await learner.learn(
    { classes: { mug: mugs, pen: pens } },
    { signal: stop.signal, onProgress: ({ phase, done, total }) => console.log(phase, done, total) },
  );
  console.log(first.added, first.trained, first.reason);
  await learner.save("desk"); // in this browser, for this site
  await learner.dispose();

  const again = await openLearner("desk", { backbone }); // tomorrow
  await again.learn({ classes: { key: keys } });
  await again.save();
  const [answer] = await again.predict([photo], { top: 3 });
  const { model } = await again.files(); // fmlora predict photo.jpg --model FOLDER, with this as FOLDER/model.safetensors
  await again.dispose();
  return { answer, model };
}
