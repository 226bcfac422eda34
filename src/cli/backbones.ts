/** @file `fmlora backbones` */
import { Command } from "@commander-js/extra-typings";
import { findBackbone, SHIPPED_BACKBONES } from "../node/backbones.ts";
import { count } from "../report/format.ts";

/** Lists the backbones that come with the package. */
export function backbonesCommand() {
  return new Command("backbones").description("list the backbones that come along").action(() => {
    const texts = SHIPPED_BACKBONES.map((name) => {
      const { config, weights, note } = findBackbone(name);
      const parameters = Object.values(weights).reduce((sum, { data }) => sum + data.length, 0);
      const shape = `${config.imageSize} px, patch ${config.patchSize}, width ${config.hiddenSize}, ${config.layers} blocks`;
      return `${name}: ${shape}, ${count(parameters)} parameters\n${note === undefined ? "" : `  ${note}\n`}`;
    });
    const folders =
      "Wherever a backbone is named, a folder with config.json, preprocessor_config.json and model.safetensors\n" +
      "does as well: a ViT or DINOv2 checkpoint as Hugging Face transformers saves it.\n";
    process.stdout.write(`${texts.join("\n")}\n${folders}`);
  });
}
