/** @file `fmlora features` */
import { Argument, Command, Option } from "@commander-js/extra-typings";
import { findBackbone } from "../node/backbones.ts";
import { featureExtractor } from "../node/model.ts";
import { writeNpy } from "../node/npy.ts";
import { InputError } from "../tensor/errors.ts";
import { fileBatches } from "./images.ts";

/** Writes the CLS features of image files, a row each, as a NumPy array. */
export function featuresCommand() {
  return new Command("features")
    .description("write the features (CLS token) that a backbone gives images, one row a file")
    .addArgument(new Argument("<files...>", "JPEG, PNG, WebP or GIF images"))
    .addOption(
      new Option("--backbone <name>", "name of a shipped backbone, or a folder").makeOptionMandatory(),
    )
    .addOption(
      new Option("--out <file>", "NumPy file to write, float32 [files, width]").makeOptionMandatory(),
    )
    .action(async (files, { backbone: name, out }) => {
      const backbone = findBackbone(name);
      const extractor = featureExtractor(backbone);
      const width = backbone.config.hiddenSize;
      const rows = new Float32Array(files.length * width);
      let done = 0;
      try {
        for await (const { batch, unreadable } of fileBatches(files, backbone.preprocessing)) {
          // A row that is missing would shift all rows after it.
          if (unreadable.length > 0) throw new InputError(unreadable.join("; "));
          rows.set(await extractor.features(batch), done * width);
          done += batch.count;
        }
      } finally {
        await extractor.dispose();
      }
      await writeNpy(out, { dims: [files.length, width], data: rows });
      process.stderr.write(`${out}: ${files.length} x ${width} float32\n`);
    });
}
