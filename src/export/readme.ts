/** @file README.md of an exported model: what it is, and how to load it. */
import type { CheckpointConfig } from "../nn/checkpoint.ts";
import { bareClass, classifierPlace, isTimm } from "./library-names.ts";

/** What all of them say. */
export interface ReadmeFacts {
  /** "fm-lora" */
  readonly method: string;
  /** As its user names it. */
  readonly backbone: string;
  /** Name of the head. */
  readonly head: string;
  readonly labels: readonly string[];
  /** What a user should know, a sentence each. */
  readonly notes: readonly string[];
}

const python = (code: string): string => `\`\`\`python\n${code.trim()}\n\`\`\`\n`;

function page(title: string, { method, backbone, head, labels, notes }: ReadmeFacts, how: string): string {
  const about = `${labels.length} classes, learned with method ${method} on the backbone ${backbone}; scores are those of the head ${head}.`;
  const list = notes.map((note) => `- ${note}\n`).join("");
  return `# ${title}\n\n${about} Exported by fm-lora.\n\n${how}${list === "" ? "" : `\n${list}`}`;
}

/** Of a PEFT adapter. */
export function peftReadme(facts: ReadmeFacts, checkpoint: CheckpointConfig): string {
  const place = classifierPlace(checkpoint);
  const count = facts.labels.length;
  const load = isTimm(checkpoint)
    ? `
import timm
from peft import PeftModel

base = timm.create_model("local-dir:BACKBONE", pretrained=True, num_classes=${count})
model = PeftModel.from_pretrained(base, "ADAPTER").eval()`
    : `
import torch
from peft import PeftModel
from transformers import ${place?.className ?? bareClass(checkpoint)}

base = ${place?.className ?? bareClass(checkpoint)}.from_pretrained("BACKBONE"${place === undefined ? "" : `, num_labels=${count}`}, dtype=torch.float32)
model = PeftModel.from_pretrained(base, "ADAPTER").eval()`;
  const rest =
    place === undefined
      ? "The classifier is apart, in classifier.safetensors (weight, bias): it takes the pooled features (`pooler_output`), where the library's own class averages patches.\n"
      : "";
  return page("A LoRA adapter", facts, `${python(load)}\n${rest}The classes by number are in labels.json.\n`);
}

/** Of a merged checkpoint. */
export function checkpointReadme(facts: ReadmeFacts, checkpoint: CheckpointConfig): string {
  const place = classifierPlace(checkpoint);
  const load = isTimm(checkpoint)
    ? `
import timm

model = timm.create_model("local-dir:FOLDER", pretrained=True).eval()`
    : place === undefined
      ? `
from transformers import ${bareClass(checkpoint)}

model = ${bareClass(checkpoint)}.from_pretrained("FOLDER").eval()`
      : `
from transformers import pipeline

classify = pipeline("image-classification", "FOLDER")
print(classify("image.jpg"))`;
  const rest =
    place === undefined
      ? "\nThe classifier is apart, in classifier.safetensors (weight, bias): it takes the pooled features (`pooler_output`), where the library's own class averages patches. The classes by number are in labels.json.\n"
      : "";
  return page("A merged checkpoint", facts, `${python(load)}${rest}`);
}

/** Of an ONNX model. */
export function onnxReadme(
  facts: ReadmeFacts,
  files: readonly string[],
  resizing: "inside" | "outside",
  size: number,
): string {
  const inside = resizing === "inside";
  const pixels = inside
    ? 'pixels = np.asarray(Image.open("image.jpg").convert("RGB"), np.float32)  # 0 to 255, of any size'
    : `# normalized as preprocessor_config.json says
pixels = np.asarray(Image.open("image.jpg").convert("RGB").resize((${size}, ${size}), Image.BICUBIC), np.float32) / 255
pixels = (pixels - config["image_mean"]) / config["image_std"]`;
  return page(
    "An ONNX classifier",
    facts,
    `\`\`\`js
import { pipeline } from "@huggingface/transformers";

const classify = await pipeline("image-classification", "FOLDER");
console.log(await classify("image.jpg"));
\`\`\`

${python(`
import json
import numpy as np, onnxruntime
from PIL import Image

${inside ? "" : 'config = json.load(open("FOLDER/preprocessor_config.json"))\n'}${pixels}
session = onnxruntime.InferenceSession("FOLDER/${files[0]}")
[logits] = session.run(None, {"pixel_values": pixels.transpose(2, 0, 1)[None].astype(np.float32)})
labels = json.load(open("FOLDER/config.json"))["id2label"]
print(labels[str(logits[0].argmax())])`)}
Files: ${files.join(", ")}. \`pixel_values\` [batch, 3, height, width], \`logits\` [batch, ${facts.labels.length}]; ${
      inside
        ? "the graph resizes and normalizes itself, so the images of one batch need one size"
        : `images come resized to ${size} x ${size} and normalized`
    }.
`,
  );
}
