/** @file `fmlora backbones` and `fmlora backbones fetch` */
import { Argument, Command } from "@commander-js/extra-typings";
import { FAMILIES } from "../nn/families.ts";
import { type LocalBackbone, localBackbones } from "../node/backbones/backbones.ts";
import { hubSettings } from "../node/hub/index.ts";
import { bytes, count, printable } from "../report/format.ts";
import { bringing } from "./downloads.ts";
import { print } from "./output.ts";
import { statusLine } from "./progress.ts";

/** Lists the backbones that come with the package and those in the Hub's cache, and says what else does. */
export function backbonesCommand() {
  const command = new Command("backbones").action(() => {
    const all = localBackbones();
    const cached = all.filter(({ shipped }) => !shipped);
    const lines = [
      ...all.filter(({ shipped }) => shipped).flatMap(describe),
      "",
      `In the Hub's cache (${hubSettings().cache}): ${cached.length === 0 ? "none" : ""}`.trimEnd(),
      ...cached.flatMap(describe),
      "",
      "Wherever a backbone is named, organization/name of the Hugging Face Hub does as well (fetched once; with",
      "@revision, that branch, tag or commit), and a folder with config.json, preprocessor_config.json and",
      "model.safetensors. Families, by model_type in config.json:",
      `  ${FAMILIES.map(({ modelType, partOf }) => [modelType, partOf ?? []].flat().join(", ")).join(", ")}`,
      "  and timm's vit_*, deit* and dino* (docs/backbones.md)",
    ];
    print(`${lines.map(printable).join("\n")}\n`);
  });
  command.addCommand(fetchCommand() as unknown as Command);
  return command;
}

/** Fills the cache, for work without network. */
function fetchCommand() {
  return new Command("fetch")
    .description("download a backbone of the Hugging Face Hub into the cache")
    .addArgument(new Argument("<name>", "organization/name, or organization/name@revision"))
    .option("--debug", "show where an error comes from")
    .exitOverride()
    .configureOutput({ outputError: () => {} })
    .action(async (name) => {
      print(`${await bringing(name, statusLine())}\n`);
    });
}

function describe({ name, facts, bytes: size, license }: LocalBackbone): string[] {
  const { family, config, parameters } = facts;
  const shape = `${config.imageSize} px, patch ${config.patchSize}, width ${config.hiddenSize}, ${config.layers} blocks`;
  const terms = license === undefined ? "no license named" : `license ${license}`;
  return [`${name}: ${family}, ${shape}, ${count(parameters)} parameters, ${bytes(size)}, ${terms}`];
}
