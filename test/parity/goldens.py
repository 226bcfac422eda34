"""Writes goldens.json: what transformers, timm and torch compute for small networks with made-up weights.

    PYTHON test/parity/goldens.py [OUT]  (PYTHON has torch, timm and transformers; see test/parity/live.test.ts)

Weights and images come from a closed formula of (tensor name, index) that formula.ts repeats, so git holds
no weights: only names and shapes as save_pretrained writes them, and results of a float64 run.
"""
import json
import math
import pathlib
import random
import sys
import tempfile

import numpy as np
import timm
import torch
import transformers
from safetensors import safe_open
from safetensors.numpy import save_file
from timm.models._hub import save_for_hf
from transformers import (
    AutoModel, CLIPVisionConfig, CLIPVisionModel, DeiTConfig, DeiTModel, Dinov2Config, Dinov2Model, Dinov2WithRegistersConfig,
    Dinov2WithRegistersModel, SiglipVisionConfig, SiglipVisionModel, ViTConfig, ViTMAEConfig, ViTMAEModel, ViTModel)

HALF = {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}
IMAGENET = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
VIT = (ViTModel, ViTConfig)
DINOV2 = (Dinov2Model, Dinov2Config)
DEIT = (DeiTModel, DeiTConfig)
REGISTERS = (Dinov2WithRegistersModel, Dinov2WithRegistersConfig)
CLIP = (CLIPVisionModel, CLIPVisionConfig)
MAE = (ViTMAEModel, ViTMAEConfig)
SIGLIP = (SiglipVisionModel, SiglipVisionConfig)
INTERPOLATES = (ViTModel, DeiTModel, CLIPVisionModel, ViTMAEModel, SiglipVisionModel)  # only when asked

# name, family, what differs from the family's defaults, size of the images fed, pixel statistics
NETWORKS = [
    ("vit", VIT, dict(hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=56,
                      image_size=32, patch_size=8), 32, HALF),
    ("vit without query, key and value biases", VIT,
     dict(hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64, image_size=24,
          patch_size=4, qkv_bias=False, layer_norm_eps=1e-6), 24, HALF),
    ("vit, larger images than its positions", VIT,
     dict(hidden_size=20, num_hidden_layers=3, num_attention_heads=5, intermediate_size=40, image_size=24,
          patch_size=8), 56, IMAGENET),
    ("dinov2", DINOV2, dict(hidden_size=24, num_hidden_layers=2, num_attention_heads=4, mlp_ratio=4,
                            image_size=28, patch_size=14), 28, IMAGENET),
    ("dinov2, smaller images than its positions", DINOV2,
     dict(hidden_size=16, num_hidden_layers=3, num_attention_heads=2, mlp_ratio=3, image_size=70,
          patch_size=14), 42, IMAGENET),
    ("dinov2, larger images, no query, key and value biases", DINOV2,
     dict(hidden_size=40, num_hidden_layers=2, num_attention_heads=1, mlp_ratio=2, image_size=42,
          patch_size=14, qkv_bias=False), 98, HALF),
    ("deit", DEIT, dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=40,
                        image_size=32, patch_size=8), 32, IMAGENET),
    ("deit, larger images than its positions", DEIT,
     dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=4, intermediate_size=32, image_size=24,
          patch_size=8, qkv_bias=False), 40, HALF),
    ("dinov2 with registers", REGISTERS,
     dict(hidden_size=24, num_hidden_layers=2, num_attention_heads=3, mlp_ratio=2, image_size=28, patch_size=7,
          num_register_tokens=4), 28, IMAGENET),
    ("dinov2 with registers, smaller images than its positions", REGISTERS,
     dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, mlp_ratio=3, image_size=49, patch_size=7,
          num_register_tokens=2), 21, IMAGENET),
    ("dinov2 with registers and SwiGLU, larger images", REGISTERS,
     dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, mlp_ratio=3, image_size=21, patch_size=7,
          num_register_tokens=3, use_swiglu_ffn=True), 35, IMAGENET),
    ("dinov2 with SwiGLU", DINOV2,
     dict(hidden_size=24, num_hidden_layers=2, num_attention_heads=2, mlp_ratio=4, image_size=28, patch_size=14,
          use_swiglu_ffn=True), 28, IMAGENET),
    ("clip", CLIP, dict(hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=48,
                        image_size=24, patch_size=8), 24, IMAGENET),
    ("clip with gelu, larger images than its positions", CLIP,
     dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, image_size=24,
          patch_size=8, hidden_act="gelu"), 40, HALF),
    ("mae", MAE, dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
                      image_size=24, patch_size=8, mask_ratio=0.0), 24, IMAGENET),
    ("mae, smaller images than its positions", MAE,
     dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, image_size=40,
          patch_size=8, mask_ratio=0.0), 24, IMAGENET),
    ("siglip", SIGLIP, dict(hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=40,
                            image_size=24, patch_size=8), 24, HALF),
    ("siglip, larger images than its positions", SIGLIP,
     dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, image_size=16,
          patch_size=8), 40, HALF),
]
# name, timm's architecture, what differs from it (img_size is the positions'), size of the images fed
TIMM = [
    ("timm vit", "vit_tiny_patch16_224", dict(img_size=24, patch_size=8, embed_dim=20, depth=2, num_heads=5), 24),
    ("timm vit of timm's own head width", "vit_tiny_patch16_224",
     dict(img_size=16, patch_size=8, embed_dim=64, depth=1, mlp_ratio=1, num_heads=1), 16),
    ("timm vit, larger images than its positions", "vit_tiny_patch16_224",
     dict(img_size=24, patch_size=8, embed_dim=16, depth=2, num_heads=2, qkv_bias=False), 56),
    ("timm vit, smaller images than its positions", "vit_small_patch8_224",
     dict(img_size=56, patch_size=8, embed_dim=16, depth=2, num_heads=2), 24),
    ("timm deit, distilled", "deit_tiny_distilled_patch16_224",
     dict(img_size=24, patch_size=8, embed_dim=16, depth=2, num_heads=2), 40),
    ("timm deit3", "deit3_small_patch16_224", dict(img_size=24, patch_size=8, embed_dim=16, depth=2, num_heads=2), 32),
    ("timm dinov2", "vit_small_patch14_dinov2", dict(img_size=21, patch_size=7, embed_dim=16, depth=2, num_heads=2), 21),
    ("timm dinov2 with registers, smaller images", "vit_small_patch14_reg4_dinov2",
     dict(img_size=49, patch_size=7, embed_dim=16, depth=2, num_heads=2), 28),
    ("timm dinov2 with SwiGLU", "vit_giant_patch14_reg4_dinov2",
     dict(img_size=21, patch_size=7, embed_dim=16, depth=2, num_heads=2, mlp_ratio=4), 21),
    ("timm clip", "vit_base_patch16_clip_224", dict(img_size=24, patch_size=8, embed_dim=16, depth=2, num_heads=2), 24),
    ("timm clip with quickgelu", "vit_base_patch16_clip_quickgelu_224",
     dict(img_size=24, patch_size=8, embed_dim=16, depth=2, num_heads=2), 24),
]
DRAWN = 3  # networks of each family whose shape is drawn
IMAGES = 2
RANK = 3
PROMPTS = 2
CLASSES = 5


def drawn_networks():
    """Networks of random shape as NETWORKS has them, and as TIMM has them; the same ones every time."""
    families = {"vit": VIT, "dinov2": DINOV2, "deit": DEIT, "dinov2 with registers": REGISTERS, "clip": CLIP, "mae": MAE,
                "siglip": SIGLIP}
    timms = {"vit": "vit_small_patch16_224", "deit": "deit_tiny_distilled_patch16_224", "deit3": "deit3_small_patch16_224",
             "dinov2": "vit_small_patch14_dinov2", "dinov2 with registers": "vit_small_patch14_reg4_dinov2",
             "clip": "vit_base_patch16_clip_224"}
    plain, of_timm = [], []
    for family, number in [(family, number) for family in families for number in range(1, DRAWN + 1)]:
        rng = random.Random(f"{family} {number}")
        changes = shape_of(rng)
        if family.startswith("dinov2"):
            changes |= {"mlp_ratio": rng.choice([1, 2, 3, 4]), "use_swiglu_ffn": rng.random() < 0.3}
        else:
            changes |= {"intermediate_size": rng.choice([20, 36, 64])}
        if family in ("vit", "deit", "dinov2", "mae"):
            changes |= {"qkv_bias": rng.random() < 0.7}
        if family == "dinov2 with registers":
            changes |= {"num_register_tokens": rng.randint(1, 5)}
        if family == "mae":
            changes |= {"mask_ratio": 0.0}
        size = changes["patch_size"] * rng.randint(2, 6)
        plain.append((f"{family}, drawn {number}", families[family], changes, size, rng.choice([HALF, IMAGENET])))
    for family, number in [(family, number) for family in timms for number in range(1, DRAWN + 1)]:
        rng = random.Random(f"timm {family} {number}")
        shape = shape_of(rng)
        changes = {"img_size": shape["image_size"], "patch_size": shape["patch_size"], "embed_dim": shape["hidden_size"],
                   "depth": shape["num_hidden_layers"], "num_heads": shape["num_attention_heads"],
                   "mlp_ratio": rng.choice([1, 2, 4])}
        of_timm.append((f"timm {family}, drawn {number}", timms[family], changes, shape["patch_size"] * rng.randint(2, 6)))
    return plain, of_timm


def shape_of(rng):
    """What every family has, in transformers' words. """
    heads, patch = rng.randint(1, 4), rng.choice([4, 6, 7, 8])
    return {"hidden_size": heads * rng.choice([4, 6, 8, 10]), "num_attention_heads": heads,
            "num_hidden_layers": rng.randint(1, 4), "patch_size": patch, "image_size": patch * rng.randint(2, 6),
            "layer_norm_eps": rng.choice([1e-5, 1e-6, 1e-12])}


def bits(name, count):
    """A 32-bit hash of name and index, for index 0 to count - 1 (murmur3's last steps over FNV-1a)."""
    seed = 0x811C9DC5
    for byte in name.encode():
        seed = ((seed ^ byte) * 0x01000193) & 0xFFFFFFFF
    x = (np.arange(count, dtype=np.uint64) * 0x9E3779B1 + seed) & 0xFFFFFFFF
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        x = ((x ^ (x >> np.uint64(shift))) * np.uint64(factor)) & np.uint64(0xFFFFFFFF)
    return x ^ (x >> np.uint64(16))


def weight(name, shape):
    """The float32 tensor of that name: norm weights and scales near 1, biases small, matrices by fan-in."""
    unit = bits(name, math.prod(shape)).astype(np.float64) / 2**31 - 1  # [-1, 1)
    if "lambda1" in name or "gamma" in name or ("norm" in name and name.endswith(".weight")):
        values = 1 + 0.25 * unit
    elif len(shape) == 1:
        values = 0.25 * unit
    else:
        values = unit * math.sqrt(3 / (math.prod(shape) / shape[0]))
    return values.reshape(shape).astype(np.float32)


def images(size):
    """uint8 [IMAGES, size, size, 3]."""
    count = IMAGES * size * size * 3
    return (bits("images", count) >> np.uint64(24)).astype(np.uint8).reshape(IMAGES, size, size, 3)


def pixels(size, statistics):
    scaled = torch.from_numpy(images(size)).double() / 255
    mean, std = (torch.tensor(statistics[key], dtype=torch.float64) for key in ("image_mean", "image_std"))
    return ((scaled - mean) / std).permute(0, 3, 1, 2)


def build(model_class, config):
    """The network with formula weights under its file names: (model, config.json, [name, shape] of each tensor)."""
    with tempfile.TemporaryDirectory() as folder:
        model_class(config).save_pretrained(folder)
        file = pathlib.Path(folder) / "model.safetensors"
        with safe_open(file, "numpy") as stored:
            tensors = [[name, list(stored.get_slice(name).get_shape())] for name in stored.keys()]
        save_file({name: weight(name, shape) for name, shape in tensors}, file, metadata={"format": "pt"})
        written = json.loads((pathlib.Path(folder) / "config.json").read_text())
        written = {key: value for key, value in written.items() if key != "transformers_version"}
        return AutoModel.from_pretrained(folder, dtype=torch.float64).eval(), written, tensors


def build_timm(architecture, changes, size):
    """As `build`, for timm: config.json states the size of the images fed, the file has its own positions."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        save_for_hf(timm.create_model(architecture, num_classes=3, **changes), folder, safe_serialization=True)
        file = folder / "model.safetensors"
        with safe_open(file, "numpy") as stored:
            tensors = [[name, list(stored.get_slice(name).get_shape())] for name in stored.keys()]
        save_file({name: weight(name, shape) for name, shape in tensors}, file, metadata={"format": "pt"})
        written = json.loads((folder / "config.json").read_text())
        written["pretrained_cfg"]["input_size"] = [3, size, size]
        model = timm.create_model(f"local-dir:{folder}", pretrained=True, img_size=size)
    if changes["num_heads"] * 64 == changes["embed_dim"]:
        del written["model_args"]  # as in files on the Hub, which have it only where it differs
    return model.double().eval(), written, tensors


class LowRank(torch.nn.Module):
    """y = W x + b + B C A x."""

    def __init__(self, linear, a, core, b):
        super().__init__()
        self.linear, self.a, self.core, self.b = linear, a, core, b

    def forward(self, x):
        return self.linear(x) + x @ self.a.T @ self.core.T @ self.b.T


def projection(model, kind, block):
    """The linear layer that the file calls attention.attention.query or value."""
    layer = model.encoder.layer[block] if hasattr(model, "encoder") else model.layers[block]
    names = {"query": ("query", "q_proj"), "value": ("value", "v_proj")}[kind]
    for path, module in layer.named_modules():
        if path.split(".")[-1] in names:
            return layer.get_submodule(path.rpartition(".")[0]), path.rpartition(".")[2]
    raise LookupError(f"no {kind} in {layer}")


def parameter(name, shape):
    return torch.nn.Parameter(torch.from_numpy(weight(name, shape)).double())


def gradients(model, config, size, statistics):
    """Loss and gradients with low-rank updates on query and value, prompts at the end, and a head."""
    width = config.hidden_size
    trained = {}
    for block in range(config.num_hidden_layers):
        for kind in ("query", "value"):
            site = f"blocks.{block}.{kind}"
            shapes = {"a": (RANK, width), "core": (RANK, RANK), "b": (width, RANK)}
            factors = {part: parameter(f"{site}.{part}", shape) for part, shape in shapes.items()}
            trained |= {f"{site}.{part}": value for part, value in factors.items()}
            parent, name = projection(model, kind, block)
            setattr(parent, name, LowRank(getattr(parent, name), **factors))
    trained["prompts"] = parameter("prompts", (PROMPTS, width))
    trained["head"] = parameter("head", (CLASSES, width))
    for frozen in model.parameters():
        frozen.requires_grad_(any(frozen is value for value in trained.values()))

    tokens = model.embeddings(pixels(size, statistics))
    tokens = torch.cat([tokens, trained["prompts"].expand(IMAGES, -1, -1)], 1)
    for layer in model.encoder.layer if hasattr(model, "encoder") else model.layers:
        out = layer(tokens)
        tokens = out[0] if isinstance(out, tuple) else out
    logits = model.layernorm(tokens)[:, 0] @ trained["head"].T
    loss = torch.nn.functional.cross_entropy(logits, torch.arange(IMAGES) % CLASSES)
    loss.backward()
    return {
        "loss": loss.item(),
        "gradients": {name: {"dims": list(value.shape), "data": rounded(value.grad)} for name, value in trained.items()},
    }


def full_gradients(model_class, config, size, statistics):
    """Loss with all weights trained, and of each weight's gradient under its file name: [dot with a direction, norm]."""
    model, _, _ = build(model_class, config)
    head = torch.from_numpy(weight("head", (CLASSES, model.config.hidden_size))).double()
    logits = model(pixels(size, statistics)).last_hidden_state[:, 0] @ head.T
    loss = torch.nn.functional.cross_entropy(logits, torch.arange(IMAGES) % CLASSES)
    loss.backward()
    with torch.no_grad(), tempfile.TemporaryDirectory() as folder:
        for value in model.parameters():
            value.copy_(torch.zeros_like(value) if value.grad is None else value.grad)
        model.save_pretrained(folder)  # it knows the file names
        with safe_open(pathlib.Path(folder) / "model.safetensors", "pt") as stored:
            grads = {name: stored.get_tensor(name) for name in stored.keys()}
    summaries = {}
    for name, gradient in grads.items():
        direction = torch.from_numpy(weight(f"direction {name}", gradient.shape)).double()
        summaries[name] = rounded(torch.stack([(gradient * direction).sum(), gradient.norm()]))
    return {"loss": loss.item(), "gradients": summaries}


def rounded(tensor):
    return [float(f"{value:.8g}") for value in tensor.detach().flatten().tolist()]


def main():
    networks = []
    drawn, drawn_of_timm = drawn_networks()
    for name, (model_class, config_class), changes, size, statistics in NETWORKS + drawn:
        torch.manual_seed(0)
        model, config, tensors = build(model_class, config_class(**changes))
        interpolate = {"interpolate_pos_encoding": True} if model_class in INTERPOLATES else {}
        with torch.no_grad():
            result = model(pixels(size, statistics), **interpolate)
            # CLIP's last_hidden_state comes before the last norm; SigLIP has no CLS token
            pooled = model_class in (CLIPVisionModel, SiglipVisionModel)
            features = result.pooler_output if pooled else result.last_hidden_state[:, 0]
        case = {"name": name, "config": config, "preprocessor": {"size": {"height": size, "width": size}, **statistics},
                "images": IMAGES, "tensors": tensors, "features": rounded(features)}
        if name in ("vit", "dinov2", "dinov2 with registers and SwiGLU, larger images"):
            case |= {"training": gradients(model, model.config, size, statistics)}
        if name in ("vit", "dinov2", "dinov2 with registers", "deit"):
            case |= {"fullTraining": full_gradients(model_class, config_class(**changes), size, statistics)}
        networks.append(case)
    for name, architecture, changes, size in TIMM + drawn_of_timm:
        torch.manual_seed(0)
        model, config, tensors = build_timm(architecture, changes, size)
        statistics = {f"image_{key}": config["pretrained_cfg"][key] for key in ("mean", "std")}
        with torch.no_grad():
            features = model.forward_features(pixels(size, statistics))[:, 0]
        networks.append({"name": name, "config": config, "images": IMAGES, "tensors": tensors,
                         "features": rounded(features)})
    made_by = {"timm": timm.__version__, "torch": torch.__version__, "transformers": transformers.__version__}
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in networks)
    file = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).with_name("goldens.json")
    file.write_text(f'{{"madeBy":{json.dumps(made_by)},"networks":[\n{lines}\n]}}\n')
    print(f"{file.name}: {len(networks)} networks, {file.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
