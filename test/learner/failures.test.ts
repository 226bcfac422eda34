/** @file What a learner refuses, and that it is as it was then. */
import { describe, expect, test } from "vitest";
import { restoreLearner } from "../../src/learner/index.ts";
import { bytesOf, classes, FM_LORA, images, learnerWith, platform, test4 } from "./toy-learner.ts";

describe("what fails changes nothing", () => {
  test("an image that is none, and a stop in the middle of training", async () => {
    const learner = await learnerWith(FM_LORA);
    await learner.learn({ classes: classes([0, 1], 8) }, { train: "always" });
    const before = await bytesOf(learner);
    const broken = {
      "class 2": [...images(2, 8), new TextEncoder().encode("no image")],
      "class 3": images(3, 8),
    };
    await expect(learner.learn({ classes: broken }, { train: "always" })).rejects.toThrow(
      /^image 9 of class 2: expected a JPEG, PNG, WebP or GIF image/,
    );
    expect((await bytesOf(learner)).equals(before)).toBe(true);
    const stop = new AbortController();
    const options = {
      train: "always",
      signal: stop.signal,
      onProgress: ({ phase }: { phase: string }) => {
        if (phase === "training") stop.abort();
      },
    } as const;
    await expect(learner.learn({ classes: classes([2, 3], 40) }, options)).rejects.toThrow(/abort/i);
    expect((await bytesOf(learner)).equals(before)).toBe(true);
    expect(learner.classes).toEqual(["class 0", "class 1"]);
    await learner.learn({ classes: classes([2, 3], 8) }, { train: "always" });
    expect((await learner.evaluate(test4([2, 3]))).images).toBe(8);
  });

  test("each wrong use is one line", async () => {
    const learner = await learnerWith({ method: "fm-lora", options: { rank: 8 }, heads: ["rows"] });
    const refused = (work: Promise<unknown>): Promise<string> =>
      work.then(
        () => "done",
        ({ name, message }: Error) => `${name}: ${message}`,
      );
    const data = new Uint8Array(5);
    expect([
      await refused(learner.predict(images(0, 1))),
      await refused(learner.files()),
      await refused(learner.learn({ classes: {} })),
      await refused(learner.learn({ classes: { cat: [] } })),
      await refused(learner.learn({ classes: { cat: ["cat.png"] } })),
      await refused(learner.learn({ classes: { cat: [null as never] } })),
      await refused(learner.learn({ classes: { cat: [{ width: 2, height: 2, data }] } })),
      await refused(learner.learn({ classes: classes([0], 4) })),
      await refused(learner.learn({ classes: classes([0, 1], 4) }, { train: "never" })),
      await refused(learner.learn({ classes: classes([0, 1], 4) }, { validationShare: 2 })),
      await refused(learner.learn({ classes: classes([0, 1], 4) }, { epochs: 0 })),
      await refused(learnerWith({ method: "joint" })),
      await refused(learnerWith({ method: "lda", seed: -1 })),
      await refused(restoreLearner(new Uint8Array(9), platform)),
    ]).toMatchInlineSnapshot(`
      [
        "InputError: the learner knows no class yet; let it learn some first",
        "InputError: the learner has learned nothing yet: there is nothing to save",
        "InputError: there is no class to learn; expected one or more, with images",
        "InputError: class "cat": has no images; add some or leave it out",
        "InputError: image 1 of cat: cat.png is a path, and there are no files here; give the image's bytes",
        "InputError: image 1 of cat: is null; expected bytes of a file, a Blob, or { width, height, data }",
        "InputError: image 1 of cat: 5 bytes are not 2 x 2 pixels of RGB or RGBA; expected 12 or 16",
        "InputError: the head rows learns by training alone, and one class alone trains nothing; learn two or more at once",
        "InputError: \`train: "never"\`: the head rows learns by training alone; choose "auto" or "always"",
        "InputError: \`validationShare: 2\`: expected a number from 0 to 0.5",
        "InputError: \`epochs: 0\`: expected a whole number above 0",
        "InputError: \`method: "joint"\`: trains on all tasks at once, and a learner meets them one by one; choose another",
        "InputError: \`seed: -1\`: expected a whole number, 0 or more",
        "InputError: the model: not a safetensors file, or a truncated one: its header claims 0 bytes and the file has 9",
      ]
    `);
    await learner.dispose();
    await expect(learner.undo()).rejects.toThrow("the learner is disposed");
  });
});
