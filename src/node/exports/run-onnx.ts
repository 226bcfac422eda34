/** @file Runs an exported ONNX model as other programs do. */
import type { RunOnnx } from "../../export/check-onnx.ts";
import { onnxRuntime } from "../runtime/onnx-runtime.ts";

/** By onnxruntime-node. */
export const runOnnx: RunOnnx = async (model, pixels, dims) => {
  const { onnxruntime, provider } = onnxRuntime();
  const session = await onnxruntime.InferenceSession.create(model, {
    executionProviders: [provider],
    logSeverityLevel: 3, // errors only
  });
  try {
    const { logits } = await session.run({
      pixel_values: new onnxruntime.Tensor("float32", pixels, [...dims]),
    });
    return logits!.data as Float32Array;
  } finally {
    await session.release();
  }
};
