/** @file Learns a folder of class folders, answers, learns another, measures, and takes it back. */
import { classFolders, createLearner } from "fm-lora/node";

const learner = await createLearner();
const first = await learner.learn({ classes: await classFolders("monday") });
console.log("learned", first.added, first.reason);

const second = await learner.learn({ classes: await classFolders("tuesday") });
console.log("learned", second.added, second.reason);

const [answer] = await learner.predict(["test/cat/fluent-emoji-flat-0.png"], { top: 2 });
console.log(answer.label, answer.classes);

const { accuracy, images } = await learner.evaluate(await classFolders("test"));
console.log(`${(100 * accuracy).toFixed(1)} % of ${images} images`);

await learner.undo();
console.log("knows again", learner.classes);
await learner.save("models/by-program");
await learner.dispose();
