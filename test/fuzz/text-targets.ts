/** @file Readers of bytes in memory: pickles, lists, configurations, safetensors. */
import { cifarBinary, cifarClassNames, cifarMetaNames, cifarPickle } from "../../src/data/cifar.ts";
import { CUB_LISTS, cubSplit } from "../../src/data/cub-lists.ts";
import { domainSplit, parseDomainList } from "../../src/data/domain-lists.ts";
import { decodeModel } from "../../src/learner/model-file.ts";
import { parseConfig } from "../../src/nn/checkpoint.ts";
import { parseTimmConfig } from "../../src/nn/timm.ts";
import { plainNames } from "../../src/nn/wrapped-names.ts";
import {
  decodePretraining,
  emptyPretrainingRecord,
  encodePretraining,
} from "../../src/pretraining/checkpoint.ts";
import { InputError } from "../../src/tensor/errors.ts";
import { decodeSafetensors, encodeSafetensors, parseHeader } from "../../src/tensor/safetensors.ts";
import { tensor } from "../../src/tensor/tensor.ts";
import { decodeCheckpoint, encodeCheckpoint } from "../../src/train/checkpoint.ts";
import {
  binstring,
  cifarMetaFile,
  cifarPickleFile,
  dictionary,
  pickled,
  uint8Array,
} from "../data/pickles.ts";
import { GOLDENS, weightsOf } from "../parity/networks.ts";
import type { Target } from "./campaign.ts";

const bytesOf = (text: string): Uint8Array => Buffer.from(text);
const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("utf8");
const json = (value: unknown): Uint8Array => bytesOf(JSON.stringify(value));
const jsonIn = (bytes: Uint8Array): unknown => {
  try {
    return JSON.parse(textOf(bytes));
  } catch {
    return undefined; // whoever reads the file has said so by then
  }
};

const TENSORS = encodeSafetensors({
  "statistics.classes": tensor("int32", [2], Int32Array.of(0, 1)),
  "statistics.means": tensor("float32", [2, 3], Float32Array.of(1, 2, 3, 4, 5, 6)),
  x: tensor("int64", [1], BigInt64Array.of(7n)),
});
const MODEL = encodeSafetensors(
  {
    "head.classes": tensor("int32", [2], Int32Array.of(0, 1)),
    "head.bias": tensor("float32", [2], Float32Array.of(1, 2)),
  },
  {
    "fm-lora": JSON.stringify({
      method: "ncm",
      methodOptions: { shrinkage: 0.1 },
      backbone: "vit-tiny-patch8-64",
      imageSize: 64,
      classNames: ["cat", "dog"],
    }),
  },
);
const PRETRAINING = encodePretraining({
  step: 3,
  record: emptyPretrainingRecord(),
  events: 1,
  state: { x: tensor("float32", [2], Float32Array.of(1, 2)) },
});
const RUN = { position: {}, record: {}, task: 1, epoch: 0, events: 3, state: {}, training: {} };
const CLASSES = Array.from({ length: 200 }, (_, index) => `${index + 1} ${index + 1}.Bird`);
const CUB = [
  CLASSES,
  CLASSES.map((line) => `${line}/a.jpg`),
  CLASSES.map((_, i) => `${i + 1} ${i + 1}`),
  CLASSES.map((_, i) => `${i + 1} ${i % 2}`),
];
const [transformers, timm] = [
  GOLDENS.filter(({ config }) => "model_type" in config),
  GOLDENS.filter(({ config }) => !("model_type" in config)),
];
const header = (bytes: Uint8Array) =>
  parseHeader(
    bytes.subarray(8, 8 + Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true))),
    bytes.length,
    "file",
  );
const TIMM_HEADER = header(Uint8Array.from(encodeSafetensors(weightsOf(timm[0]!))));

/** What one of two readers refuses may be the other's. */
function tolerant(read: () => void): void {
  try {
    read();
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
  }
}

/** All of them. */
export const TEXT_TARGETS: readonly Target[] = [
  {
    name: "pickle",
    sounds: () => [
      cifarPickleFile([3], new Uint8Array(3072).fill(7)),
      cifarMetaFile(["apple", "bear"]),
      pickled(
        dictionary({
          fine_label_names: binstring("no list"),
          data: uint8Array(2, 2, Uint8Array.of(1, 2, 3, 4)),
        }),
      ),
    ],
    read(bytes) {
      tolerant(() => cifarPickle({ name: "train", bytes }));
      cifarMetaNames({ name: "meta", bytes });
    },
  },
  {
    name: "CIFAR's records and names",
    sounds: () => [new Uint8Array(2 * 3074), bytesOf("apple\nbear\ncat\n")],
    read(bytes) {
      if (bytes.length < 3000) cifarClassNames("names.txt", textOf(bytes));
      else cifarBinary({ name: "train.bin", bytes }).planes(0);
    },
  },
  {
    name: "lists of DomainNet",
    sounds: () => [
      bytesOf("real/cat/1.jpg 0\nreal/cat/2.jpg 0\nreal/dog/1.jpg 1\n"),
      bytesOf("real\\cat\\1.jpg 0\r\n"),
    ],
    read(bytes) {
      const entries = parseDomainList("real_train.txt", "real", textOf(bytes));
      domainSplit([{ name: "real_train.txt", domain: 0, part: "train", entries }], 2);
    },
  },
  {
    name: "lists of CUB",
    sounds: () => [bytesOf(CUB.map((lines) => lines.join("\n")).join("\0"))],
    read(bytes) {
      const parts = textOf(bytes).split("\0");
      const texts = CUB_LISTS.map((name, index) => [name, parts[index] ?? ""]);
      cubSplit(Object.fromEntries(texts) as Parameters<typeof cubSplit>[0]);
    },
  },
  {
    name: "config.json of transformers",
    sounds: () => transformers.map(({ config, preprocessor }) => json([config, preprocessor])),
    read(bytes) {
      const both = jsonIn(bytes);
      const [config, preprocessor] = Array.isArray(both) ? both : [both, undefined];
      parseConfig(config, preprocessor, "folder");
    },
  },
  {
    name: "config.json of timm",
    sounds: () => timm.map(({ config }) => json(config)),
    read: (bytes) => void parseTimmConfig(jsonIn(bytes), TIMM_HEADER, "folder", "file"),
  },
  {
    name: "safetensors",
    sounds: () => [TENSORS, MODEL],
    read(bytes) {
      const { tensors } = decodeSafetensors(bytes, "file");
      plainNames(Object.keys(tensors), "file");
    },
  },
  {
    name: "a run's model",
    sounds: () => [MODEL, TENSORS],
    read: (bytes) => void decodeModel(bytes, "file"),
  },
  {
    name: "checkpoints",
    sounds: () => [encodeCheckpoint(RUN as unknown as Parameters<typeof encodeCheckpoint>[0]), PRETRAINING],
    read(bytes) {
      tolerant(() => decodeCheckpoint(bytes, "file"));
      decodePretraining(bytes, "file");
    },
  },
];
