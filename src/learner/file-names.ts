/** @file The files of a learner's model, wherever its folder is. */

/** The model as it is. */
export const MODEL_FILE = "model.safetensors";

/** Of the state before learn number `learns`, for `undo`. Another number is another learn's, left by a kill. */
export const previousName = (learns: number): string => `previous-${learns - 1}.safetensors`;

/** Whether a file is of a state before a learn. */
export const isPrevious = (name: string): boolean => /^previous-\d+\.safetensors$/.test(name);
