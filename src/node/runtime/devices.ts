/** @file What can compute in Node: the processor, and by name what else ONNX Runtime has a provider for. */
import { DEVICES, type Device } from "../../runtime/runtime.ts";
import { InputError, optionText } from "../../tensor/errors.ts";
import type { LoadedRuntime } from "./onnx-runtime.ts";

/** Devices that have ONNX Runtime's own operators; all others get graphs without them. */
export const FUSING: readonly Device[] = ["cpu", "cuda"];

/** What somebody may do whose machine lacks it. */
const REMEDIES: Readonly<Record<Exclude<Device, "cpu">, string>> = {
  webgpu:
    "it needs a graphics processor with a driver (Vulkan and libvulkan1 on Linux, Direct3D 12 on Windows, Metal on macOS)",
  cuda:
    "it needs an NVIDIA processor with driver, CUDA 12, cuDNN 9, and ONNX Runtime's library for them: " +
    "ONNXRUNTIME_NODE_INSTALL=cuda12 npm rebuild onnxruntime-node --ignore-scripts=false",
  dml: "it needs Windows and a graphics processor with Direct3D 12",
  coreml: "it needs macOS",
};

/** @throws InputError where this ONNX Runtime has no provider of that name */
export function requireProvider({ onnxruntime, name, provider }: LoadedRuntime, device: Device): void {
  if (device === "cpu") return;
  const known = provider === "wasm" ? [] : onnxruntime.listSupportedBackends().map((each) => each.name);
  if (known.includes(device)) return;
  const here = DEVICES.filter((each) => each === "cpu" || known.includes(each)).join(", ");
  throw new InputError(
    `${optionText("device", device)}: ${name} on ${process.platform}-${process.arch} has ${here}; ${REMEDIES[device]}`,
  );
}

/** The reason that a device gave, in one line with what to do. */
export function deviceError(device: Exclude<Device, "cpu">, error: unknown): InputError {
  const said = error instanceof Error ? error.message : String(error);
  // Sources' names and lines come first in what ONNX Runtime says.
  const reason = said
    .trim()
    .split("\n")[0]!
    .replace(/^.* was false\. /, "");
  return new InputError(
    `${optionText("device", device)}: can't be used here (${reason}); ${REMEDIES[device]}`,
    {
      cause: error,
    },
  );
}

/** @throws InputError for products in 8 bits on a device that leaves them to the processor, with copies there and back */
export function requirePrecision(device: Device | undefined, precision: string | undefined): void {
  if (device === undefined || device === "cpu" || precision !== "int8") return;
  throw new InputError(
    `${optionText("device", device)} computes in float32: products in 8 bits are the processor's; leave \`precision\` out, or the device`,
  );
}
