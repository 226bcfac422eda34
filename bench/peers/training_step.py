"""PyTorch + PEFT's sides of bench/training-step.ts: LoRA on query and value of a ViT, a linear head, AdamW.

    PYTHON training_step.py serve FOLDER OPTIONS  answers {"steps": n} with the milliseconds and losses of n steps
    PYTHON training_step.py check FOLDER OPTIONS  writes FOLDER/expected.safetensors: loss and gradients in float64

FOLDER is what writeNetwork of bench/networks.ts writes. OPTIONS are JSON: batch, microBatch, rank, classes, rate,
threads, device ("cpu" if absent; "cuda", "mps"), precision ("fp32"; "autocast": bf16 autocast; "bf16": the frozen weights are bf16, too), compile, attention
("default", or one of transformers' attn_implementation). Answers are JSON lines.
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

transformers.logging.set_verbosity_error()


def load(folder, options):
    """The PEFT model with the folder's values, and its trained parameters by our names."""
    config = ViTConfig.from_pretrained(folder, num_labels=options["classes"])
    network = ViTForImageClassification(config)
    attention = {} if options["attention"] == "default" else {"attn_implementation": options["attention"]}
    network.vit = transformers.ViTModel.from_pretrained(folder, add_pooling_layer=False, **attention)
    if options["precision"] == "bf16":
        network.vit.to(torch.bfloat16)
    names = {path.rpartition(".")[2] for path, _ in network.named_modules()}
    targets = ["query", "value"] if "query" in names else ["q_proj", "v_proj"]  # transformers 5 renames
    network = peft.get_peft_model(network, peft.LoraConfig(
        r=options["rank"], lora_alpha=options["rank"], lora_dropout=0.0, target_modules=targets, modules_to_save=["classifier"]))
    values = load_file(folder / "trained.safetensors")
    trained = {}
    with torch.no_grad():
        for path, parameter in network.named_parameters():
            if not parameter.requires_grad:
                continue
            if "classifier" in path:
                name = f"head.{path.rpartition('.')[2]}"
            else:
                block = next(part for part in path.split(".") if part.isdigit())
                layer = "query" if f".{targets[0]}." in path else "value"
                name = f"blocks.{block}.{layer}.{'a' if 'lora_A' in path else 'b'}"
            parameter.copy_(values[name])
            trained[name] = parameter
    assert trained.keys() == values.keys(), "PEFT trains something else"
    return network.train(), trained


def batch_of(folder, options):
    side = json.loads((folder / "config.json").read_text())["image_size"]
    images = torch.from_numpy(np.fromfile(folder / "images", np.uint8).reshape(options["batch"], side, side, 3))
    return images, torch.arange(options["batch"]) % options["classes"]


def pixels_of(images):
    """The benchmark's checkpoints have mean and deviation 0.5."""
    return (images.permute(0, 3, 1, 2).float() / 127.5 - 1).contiguous()


def serve(folder, options):
    torch.set_num_threads(options["threads"])
    precision = options["precision"]
    device = options.get("device", "cpu")
    network, trained = load(folder, options)
    network.to(device)  # parameters stay the same objects
    optimizer = torch.optim.AdamW(trained.values(), lr=options["rate"], weight_decay=0.0)
    images, labels = batch_of(folder, options)
    batch, micro = options["batch"], options["microBatch"]
    forward = torch.compile(network) if options["compile"] else network

    def step():
        optimizer.zero_grad(set_to_none=True)
        total = 0.0
        for start in range(0, batch, micro):
            pixels = pixels_of(images[start:start + micro].to(device))
            with torch.autocast(device, torch.bfloat16, enabled=precision != "fp32"):
                logits = forward(pixels.bfloat16() if precision == "bf16" else pixels).logits
            loss = torch.nn.functional.cross_entropy(logits.float(), labels[start:start + micro].to(device), reduction="sum") / batch
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


def check(folder, options):
    network, trained = load(folder, options)
    network.double()
    images, labels = batch_of(folder, options)
    loss = torch.nn.functional.cross_entropy(network(pixels_of(images).double()).logits, labels)
    loss.backward()
    gradients = {f"d {name}": parameter.grad for name, parameter in trained.items()}
    save_file({"loss": loss.detach().reshape(1), **gradients}, folder / "expected.safetensors")
    print("{}", flush=True)


if __name__ == "__main__":
    {"serve": serve, "check": check}[sys.argv[1]](pathlib.Path(sys.argv[2]), json.loads(sys.argv[3]))
