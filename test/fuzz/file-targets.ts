/** @file Readers of files and folders: archives, parquet, weights, images. Each input lies in a folder of its process. */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import sharp from "sharp";
import type { Preprocessing } from "../../src/data/dataset.ts";
import type { FileTree } from "../../src/node/archives/file-tree.ts";
import { compressedTarFiles } from "../../src/node/archives/gzip.ts";
import { boundedCompressors } from "../../src/node/archives/parquet-pages.ts";
import { PageCache, ParquetTable } from "../../src/node/archives/parquet-table.ts";
import { tarFiles } from "../../src/node/archives/tar-files.ts";
import { zipFiles } from "../../src/node/archives/zip-files.ts";
import { loadBackbone } from "../../src/node/backbones/backbone.ts";
import { openSplitLists } from "../../src/node/benchmarks/split-lists.ts";
import { ImageStore } from "../../src/node/images/store.ts";
import { sharpTransform } from "../../src/node/images/transform.ts";
import { InputError } from "../../src/tensor/errors.ts";
import { encodeSafetensors } from "../../src/tensor/safetensors.ts";
import { wavePattern } from "../data/pillow-cases.ts";
import { tarOf, zipOf } from "../node/archives/archives.ts";
import { parquetOf } from "../node/archives/parquets.ts";
import { GOLDENS, weightsOf } from "../parity/networks.ts";
import { decodeWhole } from "../support/whole-image.ts";
import type { Target } from "./campaign.ts";

const folder = mkdtempSync(join(tmpdir(), "fm-lora-fuzz-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));

function file(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
  return path;
}

const picture = (format: "jpeg" | "png" | "webp" | "gif", width: number, height: number): Promise<Buffer> =>
  sharp(wavePattern(width, height).data, { raw: { width, height, channels: 3 } })
    .toFormat(format)
    .toBuffer();

const IMAGES = ["a/1.jpg", "b/café.png"].map((path) => ({
  path,
  bytes: Buffer.from(`image ${path}`.repeat(3)),
}));

/** Lists an archive, and reads all that is in it. */
async function readAll(tree: FileTree, at = ""): Promise<void> {
  const { folders, files } = await tree.list(at);
  for (const name of files) await tree.read(at === "" ? name : `${at}/${name}`);
  for (const name of folders) await readAll(tree, at === "" ? name : `${at}/${name}`);
}

/** Small: what lies between the pixels matters here. */
const rows = Array.from({ length: 9 }, (_, row) => Uint8Array.from({ length: 2 + row }, (_, at) => at * row));
const table = (form: object) =>
  parquetOf(
    "img",
    rows,
    { label: { type: "INT64", values: rows.map((_, row) => BigInt(row % 3)), names: ["a", "b", "c"] } },
    form,
  );

const [vit] = GOLDENS;
const PREPROCESSING: Preprocessing = {
  size: 24,
  mean: [0, 0, 0],
  std: [1, 1, 1],
  interpolation: "bilinear",
  cropFraction: 0.875,
};
const LIST = "data:\n- data/x/train/n1/1.jpg\n- data/x/train/n2/1.jpg\ntargets:\n- 0\n- 1\n";

/** All of them. */
export const FILE_TARGETS: readonly Target[] = [
  {
    name: "tar",
    sounds: async () => [await tarOf(IMAGES)],
    read: async (bytes) => readAll(await tarFiles(file("x.tar", bytes))),
  },
  {
    name: "zip",
    sounds: () => [zipOf(IMAGES), zipOf(IMAGES.map((each) => ({ ...each, stored: true })))],
    read: async (bytes) => readAll(await zipFiles(file("x.zip", bytes))),
  },
  {
    name: "compressed tar",
    sounds: async () => [gzipSync(await tarOf(IMAGES))],
    async read(bytes) {
      rmSync(join(folder, "y.tar"), { force: true });
      await readAll(await compressedTarFiles(file("y.tgz", bytes)));
    },
  },
  {
    name: "parquet",
    sounds: () => [
      table({}),
      table({ rowGroupSize: 4, pageSize: 16 }),
      table({ pageSize: 20, offsetIndex: true }),
      table({ codec: "UNCOMPRESSED" }),
    ],
    async read(bytes) {
      const opened = await ParquetTable.open(file("x.parquet", bytes), new PageCache());
      for (const column of opened.columns.slice(0, 4)) opened.names(column);
      await opened.column("label");
      for (let row = 0; row < Math.min(opened.rows, 9); row += 2) await opened.image("img", row);
    },
  },
  {
    name: "compressed pages",
    sounds: () => {
      const page = Buffer.from("page of a column ".repeat(20));
      const zstd = [0x28, 0xb5, 0x2f, 0xfd, 0x60, 0x54, 0, 0xa1, 0x0a, 0, ...page];
      const snappy = [0xd4, 2, 0xf4, 0x53, 1, ...page];
      const lz4 = [0xf0, 255, 70, ...page];
      return [
        gzipSync(page),
        brotliCompressSync(page),
        ...[zstd, snappy, lz4].map((each) => Uint8Array.from(each)),
      ];
    },
    read(bytes) {
      for (const decompress of Object.values(boundedCompressors)) {
        for (const length of [0, 340, 100_000]) {
          try {
            decompress!(bytes, length);
          } catch (error) {
            if (!(error instanceof Error)) throw error; // whatever it is, the reader of the page names the file
          }
        }
      }
    },
  },
  {
    name: "lists of ImageNet-R",
    sounds: () => [
      Buffer.from(LIST),
      Buffer.from('{"data": ["a/n1/1.jpg", "a/n2/2.jpg"], "targets": [0, 1]}'),
    ],
    async read(bytes) {
      file("imagenet-r_train.yaml", bytes);
      file("imagenet-r_test.yaml", Buffer.from("data: [y/n1/9.jpg]\ntargets: [0]\n"));
      const all = { place: folder, packed: false, has: async () => true } as unknown as FileTree;
      await openSplitLists(all, { folder, missing: [] }, 2);
    },
  },
  {
    name: "a backbone's folder",
    sounds: () => [
      encodeSafetensors(weightsOf(vit!)),
      Buffer.from(JSON.stringify({ weight_map: { x: "a.safetensors" } })),
    ],
    read(bytes) {
      file("vit/config.json", Buffer.from(JSON.stringify(vit!.config)));
      file("vit/preprocessor_config.json", Buffer.from(JSON.stringify(vit!.preprocessor)));
      const isIndex = bytes.length < 1000;
      rmSync(join(folder, "vit", isIndex ? "model.safetensors" : "model.safetensors.index.json"), {
        force: true,
      });
      file(isIndex ? "vit/model.safetensors.index.json" : "vit/model.safetensors", bytes);
      loadBackbone(join(folder, "vit"));
    },
  },
  {
    name: "index of the image cache",
    async sounds() {
      const path = join(folder, "cache/sound");
      const store = await ImageStore.open({ path, limit: 2 ** 20, notice: () => {} });
      for (const key of ["a", "b", "c"])
        await store.put(key, { width: 4, height: 3, data: new Uint8Array(36).fill(7) });
      await store.close();
      writeFileSync(join(folder, "pixels"), readFileSync(`${path}.images`));
      return [readFileSync(`${path}.index`)];
    },
    async read(bytes) {
      const path = join(folder, "cache/damaged");
      copyFileSync(join(folder, "pixels"), `${path}.images`);
      writeFileSync(`${path}.index`, bytes);
      const store = await ImageStore.open({ path, limit: 2 ** 20, notice: () => {} });
      for (const key of ["a", "b", "c", "d"]) {
        const image = await store.get(key);
        if (image?.data.some((value) => value !== 7)) throw new Error("other pixels than were kept");
      }
      await store.close();
    },
  },
  {
    name: "JPEG of 128 pixels and more",
    sounds: async () => [
      await picture("jpeg", 160, 130),
      await sharp(await picture("jpeg", 130, 140))
        .withMetadata({ orientation: 6 })
        .toBuffer(),
    ],
    read: readImage,
  },
  {
    name: "PNG, WebP, GIF and small JPEG",
    sounds: async () => [
      ...(await Promise.all(
        (["jpeg", "png", "webp", "gif"] as const).map((format) => picture(format, 30, 20)),
      )),
      await sharp(await picture("png", 20, 20))
        .withMetadata({ orientation: 5 })
        .toBuffer(),
    ],
    read: readImage,
  },
];

async function readImage(bytes: Uint8Array): Promise<void> {
  const whole = await decodeWhole({ kind: "encoded", bytes }).catch((error: unknown) => {
    if (!(error instanceof InputError)) throw error;
  });
  const pixels = await sharpTransform({ kind: "encoded", bytes }, PREPROCESSING, null);
  if (
    pixels.length !== PREPROCESSING.size ** 2 * 3 ||
    (whole && whole.data.length !== whole.width * whole.height * 3)
  ) {
    throw new Error("an image became another number of pixels");
  }
}
