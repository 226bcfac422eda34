"""PyTorch + PEFT's side of bench/training-step.ts: LoRA on query and value of a ViT, a linear head, AdamW.

    PYTHON training_step.py make FOLDER SIZES     writes a random ViT, first values of what is trained, and images
    PYTHON training_step.py serve FOLDER OPTIONS  answers {"steps": n} with the milliseconds and losses of n steps

SIZES and OPTIONS are JSON. Requests and answers are JSON lines on stdin and stdout.
"""
import json
import pathlib
import sys
import time

import numpy as np
import peft
import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import ViTConfig, ViTForImageClassification

HALF = [0.5, 0.5, 0.5]


def make(folder, sizes):
    torch.manual_seed(1)
    config = ViTConfig(**sizes["vit"], num_labels=sizes["classes"])
    network = ViTForImageClassification(config)
    network.vit.save_pretrained(folder)
    preprocessor = {"size": {"height": config.image_size, "width": config.image_size}, "image_mean": HALF, "image_std": HALF}
    (folder / "preprocessor_config.json").write_text(json.dumps(preprocessor))
    width, rank = config.hidden_size, sizes["rank"]
    trained = {"head.weight": torch.randn(sizes["classes"], width) * 0.02, "head.bias": torch.zeros(sizes["classes"])}
    for block in range(config.num_hidden_layers):
        for layer in ("query", "value"):
            a = torch.empty(rank, width)
            torch.nn.init.kaiming_uniform_(a, a=5**0.5)  # PEFT's own first values: A uniform, B zero
            trained |= {f"blocks.{block}.{layer}.a": a, f"blocks.{block}.{layer}.b": torch.zeros(width, rank)}
    save_file(trained, folder / "trained.safetensors")
    torch.randint(256, (sizes["batch"], config.image_size, config.image_size, 3), dtype=torch.uint8).numpy().tofile(folder / "images")
    print(json.dumps({"torch": torch.__version__, "transformers": transformers.__version__, "peft": peft.__version__}), flush=True)


def load(folder, sizes):
    """The PEFT model with the folder's values, and its trained parameters."""
    network = ViTForImageClassification(ViTConfig(**sizes["vit"], num_labels=sizes["classes"]))
    network.vit = transformers.ViTModel.from_pretrained(folder, add_pooling_layer=False)
    names = {path.rpartition(".")[2] for path, _ in network.named_modules()}
    targets = ["query", "value"] if "query" in names else ["q_proj", "v_proj"]  # transformers 5 renames
    network = peft.get_peft_model(network, peft.LoraConfig(
        r=sizes["rank"], lora_alpha=sizes["rank"], lora_dropout=0.0, target_modules=targets, modules_to_save=["classifier"]))
    trained = load_file(folder / "trained.safetensors")
    parameters = [value for value in network.parameters() if value.requires_grad]
    with torch.no_grad():
        for path, value in network.named_parameters():
            if not value.requires_grad:
                continue
            if "classifier" in path:
                value.copy_(trained[f"head.{path.rpartition('.')[2]}"])
            else:
                block = next(part for part in path.split(".") if part.isdigit())
                layer = "query" if f".{targets[0]}." in path else "value"
                value.copy_(trained[f"blocks.{block}.{layer}.{'a' if 'lora_A' in path else 'b'}"])
    count = sum(value.numel() for value in parameters)
    assert count == sum(value.numel() for value in trained.values()), "PEFT trains something else"
    return network, parameters


def serve(folder, options):
    sizes = options["sizes"]
    torch.set_num_threads(options["threads"])
    network, parameters = load(folder, sizes)
    network.train()
    optimizer = torch.optim.AdamW(parameters, lr=options["rate"], weight_decay=0.0)
    batch, side = sizes["batch"], sizes["vit"]["image_size"]
    micro = options["microBatch"]
    images = torch.from_numpy(np.fromfile(folder / "images", np.uint8).reshape(batch, side, side, 3))
    labels = torch.arange(batch) % sizes["classes"]

    def step():
        optimizer.zero_grad(set_to_none=True)
        total = 0.0
        for start in range(0, batch, micro):
            pixels = (images[start:start + micro].permute(0, 3, 1, 2).float() / 127.5 - 1).contiguous()
            with torch.autocast("cpu", torch.bfloat16, enabled=options["bf16"]):
                logits = network(pixels).logits
            loss = torch.nn.functional.cross_entropy(logits.float(), labels[start:start + micro], reduction="sum") / batch
            loss.backward()
            total += loss.item()
        optimizer.step()
        return total

    for line in sys.stdin:
        milliseconds, losses = [], []
        for _ in range(json.loads(line)["steps"]):
            began = time.perf_counter()
            losses.append(step())
            milliseconds.append((time.perf_counter() - began) * 1000)
        print(json.dumps({"milliseconds": milliseconds, "losses": losses}), flush=True)


if __name__ == "__main__":
    {"make": make, "serve": serve}[sys.argv[1]](pathlib.Path(sys.argv[2]), json.loads(sys.argv[3]))
