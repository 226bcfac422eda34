import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { InputError } from "../../src/tensor/errors.ts";
import { encodeSafetensors } from "../../src/tensor/safetensors.ts";
import { tensor } from "../../src/tensor/tensor.ts";
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from "../../src/train/checkpoint.ts";
import { emptyRecord } from "../../src/train/record.ts";

const checkpoint: Checkpoint = {
  task: 2,
  epoch: 1,
  events: 17,
  record: { ...emptyRecord(["lda"]), seconds: 1.5, ranks: [{ "blocks.0.query": 4 }] },
  state: {
    weight: tensor("float32", [2, 3], Float32Array.of(1, -2, 3.5, 0, -0, 1e-30)),
    counts: tensor("int32", [2], Int32Array.of(7, -1)),
    tokens: tensor("float64", [1], Float64Array.of(1 / 3)),
    trained: tensor("uint8", [1], Uint8Array.of(1)),
    none: tensor("float32", [0, 3], new Float32Array()),
  },
  training: { "optimizer/first/weight": tensor("float32", [3], Float32Array.of(0.1, 0.2, 0.3)) },
};
const bytes = encodeCheckpoint(checkpoint);

/** What reading says: "read", or the error's name and message. */
function reading(file: Uint8Array): string {
  try {
    decodeCheckpoint(file, "checkpoint.safetensors");
    return "read";
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`;
  }
}

describe("decodeCheckpoint(bytes, file)", () => {
  test("gives back what was encoded, every type and shape", () => {
    expect(decodeCheckpoint(bytes, "f")).toEqual(checkpoint);
  });

  test("refuses every truncated file in one line that names it", () => {
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), (length) => {
        expect(reading(bytes.slice(0, length))).toMatch(/^InputError: checkpoint\.safetensors: [^\n]+$/);
      }),
    );
  });

  test("refuses every file with one changed byte in one line that names it", () => {
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const damaged = bytes.slice();
        damaged[at]! ^= change;
        const said = reading(damaged);
        // Spaces that pad the header may become other white space.
        if (said !== "read") expect(said).toMatch(/^InputError: checkpoint\.safetensors: [^\n]+$/);
        else expect(decodeCheckpoint(damaged, "f")).toEqual(checkpoint);
      }),
      { numRuns: 400 },
    );
  });

  test("refuses a block of zeros where tensors were", () => {
    const damaged = bytes.slice().fill(0, bytes.length - 24);
    expect(reading(damaged)).toMatchInlineSnapshot(
      `"InputError: checkpoint.safetensors: damaged, its checksum is wrong; start the run again in another \`out\`"`,
    );
  });

  test("refuses another version and a file of another kind", () => {
    const other = encodeSafetensors(checkpoint.state, { version: "0", position: "{}" });
    expect(reading(other)).toMatchInlineSnapshot(
      `"InputError: checkpoint.safetensors: checkpoint version 0, this program reads 4; start the run again in another \`out\`"`,
    );
    expect(reading(encodeSafetensors(checkpoint.state, { version: "1" }))).toMatchInlineSnapshot(
      `"InputError: checkpoint.safetensors: checkpoint version 1, this program reads 4; start the run again in another \`out\`"`,
    );
    expect(() => decodeCheckpoint(encodeSafetensors({}), "f")).toThrow(InputError);
  });
});
