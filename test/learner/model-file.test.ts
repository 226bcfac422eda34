/** @file Lists of classes in a model's file: each class once, unless tasks are told beside them. */
import { expect, test } from "vitest";
import { decodeModel, encodeModel } from "../../src/learner/model-file.ts";
import { FORMAT } from "../../src/run/former-model.ts";
import { tensor } from "../../src/tensor/tensor.ts";

const description = { format: FORMAT, method: "cl-lora", methodOptions: {}, backbone: "b", imageSize: 32 };
const opened = (names: readonly string[]) => {
  const classes = tensor("int32", [3], Int32Array.of(0, 0, 1));
  const tasks = tensor("int32", [3], Int32Array.of(0, 1, 0));
  const tensors = { "prototypes.classes": classes, "prototypes.tasks": tasks };
  const some = Object.fromEntries(Object.entries(tensors).filter(([name]) => names.includes(name)));
  return decodeModel(encodeModel(some, { ...description, classNames: ["cat", "dog"] }), "the model");
};

test("a class of two tasks has two prototypes; a class that stands twice is damage", () => {
  expect(opened(["prototypes.classes", "prototypes.tasks"]).description.classNames).toEqual(["cat", "dog"]);
  expect(() => opened(["prototypes.classes"])).toThrow(
    "the model: tensor prototypes.classes has class 0 at place 1",
  );
});
