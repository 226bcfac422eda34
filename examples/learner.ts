/** @file A learner that is taught twice, answers, and takes the second time back. */
import { classFolders, createLearner, openLearner } from "fm-lora/node";

const [monday = "monday", tuesday = "tuesday", photo = "photo.png", model = "my-model"] =
  process.argv.slice(2);

const learner = await createLearner();
const first = await learner.learn({ classes: await classFolders(monday) }); // { cat: [paths], dog: [paths] }
console.log(first.added, first.trained, first.reason, first.heldOut?.accuracy);
await learner.save(model);
await learner.dispose();

const again = await openLearner(model);
await again.learn({ classes: await classFolders(tuesday), domain: "evening" }, { train: "auto" });
await again.save();
const [answer] = await again.predict([photo], { top: 3 });
console.log(answer?.label, answer?.classes); // a class, or "unknown"; [{ className, probability }]
await again.undo();
await again.save();
console.log(again.classes);
await again.dispose();
