"""A small ViT, its weights, images and random numbers as this project's tests have them, in torch float64.

What the references of rival methods beside this file are written on: each is a method's definition, learning two tasks by
plain SGD, with gradients by autograd. They are run by one another's side: `python test/methods/goldens/make.py`.
"""
import json
import math
import sys

import torch

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
WIDTH, PATCH, LAYERS, HEADS, SIZE, HIDDEN = 16, 16, 3, 2, 32, 32
SEED = 7
M32 = 0xFFFFFFFF


class Rng:
    """xoroshiro128+ seeded by FNV-1a of a path (src/tensor/rng.ts)."""

    def __init__(self, *path):
        seed = 0x811C9DC5
        for character in "/".join(str(part) for part in path):
            seed = ((seed ^ ord(character)) * 0x01000193) & M32
        self.s01, self.s00, self.s11, self.s10 = M32, ~seed & M32, seed, 0

    def next(self):
        out = (self.s00 + self.s10) & M32
        a0, a1 = self.s10 ^ self.s00, self.s11 ^ self.s01
        s00, s01 = self.s00, self.s01
        self.s00 = ((s00 << 24) ^ (s01 >> 8) ^ a0 ^ (a0 << 16)) & M32
        self.s01 = ((s01 << 24) ^ (s00 >> 8) ^ a1 ^ ((a1 << 16) | (a0 >> 16))) & M32
        self.s10 = ((a1 << 5) ^ (a0 >> 27)) & M32
        self.s11 = ((a0 << 5) ^ (a1 >> 27)) & M32
        return out

    def uniform(self):
        high, low = self.next() & 0x3FFFFFF, self.next() & 0x7FFFFFF
        return high * 2.0**-26 + low * 2.0**-53

    def below(self, limit):
        most = (2**32 // limit) * limit if limit > 2 else 2**32
        value = (self.next() ^ 0x80000000) & M32
        while value >= most:
            value = (self.next() ^ 0x80000000) & M32
        return value % limit

    def normal(self):
        return math.sqrt(-2 * math.log(1 - self.uniform())) * math.cos(2 * math.pi * self.uniform())

    def shuffled(self, items):
        items = list(items)
        for i in range(len(items) - 1, 0, -1):
            j = self.below(i + 1)
            items[i], items[j] = items[j], items[i]
        return items


def single(values, shape):
    """Numbers rounded to float32, as they are kept."""
    return torch.tensor(values, dtype=torch.float32).double().reshape(shape)


def uniform(shape, bound, rng):
    return single([bound * (2 * rng.uniform() - 1) for _ in range(math.prod(shape))], shape)


def bases(site, rank, seed, width=WIDTH):
    """A of a low-rank pair (src/methods/parts/low-rank-bases.ts)."""
    return uniform((rank, width), 1 / math.sqrt(width), Rng(seed, "bases", site))


def _weight(name, shape, norm=False, wide=False):
    rng = Rng("tiny", name)
    deviation = 0.05 if len(shape) == 1 else 0.3 if wide else (math.prod(shape) / shape[0]) ** -0.5
    return single([float(norm) + deviation * rng.normal() for _ in range(math.prod(shape))], shape)


def _layer(ours, theirs, out, width):
    return {f"{ours}.weight": _weight(f"{theirs}.weight", (out, width)), f"{ours}.bias": _weight(f"{theirs}.bias", (out,))}


def _norm(ours, theirs):
    return {f"{ours}.weight": _weight(f"{theirs}.weight", (WIDTH,), norm=True),
            f"{ours}.bias": _weight(f"{theirs}.bias", (WIDTH,))}


def weights():
    """All weights by our names (src/testing/tiny-backbone.ts)."""
    tokens = 1 + (SIZE // PATCH) ** 2
    found = {"cls": _weight("embeddings.cls_token", (1, 1, WIDTH), wide=True),
             "position": _weight("embeddings.position_embeddings", (1, tokens, WIDTH), wide=True),
             "patch.weight": _weight("embeddings.patch_embeddings.projection.weight", (WIDTH, 3, PATCH, PATCH)),
             "patch.bias": _weight("embeddings.patch_embeddings.projection.bias", (WIDTH,))}
    for block in range(LAYERS):
        at, layer = f"blocks.{block}", f"encoder.layer.{block}"
        for name in ("query", "key", "value"):
            found |= _layer(f"{at}.{name}", f"{layer}.attention.attention.{name}", WIDTH, WIDTH)
        found |= _layer(f"{at}.output", f"{layer}.attention.output.dense", WIDTH, WIDTH)
        found |= _layer(f"{at}.fc1", f"{layer}.intermediate.dense", HIDDEN, WIDTH)
        found |= _layer(f"{at}.fc2", f"{layer}.output.dense", WIDTH, HIDDEN)
        found |= _norm(f"{at}.norm1", f"{layer}.layernorm_before") | _norm(f"{at}.norm2", f"{layer}.layernorm_after")
    return found | _norm("norm", "layernorm")


def image(label, number, use):
    """uint8 rows of one image (src/testing/patterns.ts)."""
    own = Rng("pattern", label)
    colors = [40 + 175 * own.uniform() for _ in range(6)]
    period, slope = 3 + own.below(5), own.below(3)
    rng = Rng("image", use, label, 0, number)
    shift = rng.below(8)
    pixels = []
    for i in range(SIZE * SIZE):
        along = (i % SIZE, i // SIZE, i % SIZE + i // SIZE)[slope]
        stripe = ((along + shift) // period) % 2
        pixels += [int(colors[3 * stripe + channel] + 40 * (rng.uniform() - 0.5)) for channel in range(3)]
    return torch.tensor(pixels, dtype=torch.uint8).reshape(SIZE, SIZE, 3)


def batch(labels, use="one task"):
    """Images and labels (test/support/one-task.ts)."""
    return torch.stack([image(label, number, use) for number, label in enumerate(labels)]), torch.tensor(labels)


def features(w, images, linear=lambda site, x, y: y, beside=lambda half, block, x: 0, to=LAYERS):
    """CLS after the final norm, and hooks as src/nn/vit-hooks.ts has them. images: uint8 [B, SIZE, SIZE, 3]"""
    def layer(x, site):
        return linear(site, x, torch.nn.functional.linear(x, w[f"{site}.weight"], w[f"{site}.bias"]))

    def norm(x, name):
        return torch.nn.functional.layer_norm(x, (WIDTH,), w[f"{name}.weight"], w[f"{name}.bias"], eps=1e-6)

    pixels = ((images.double() / 255 - 0.5) / 0.25).permute(0, 3, 1, 2)
    patches = torch.nn.functional.conv2d(pixels, w["patch.weight"], w["patch.bias"], stride=PATCH).flatten(2).transpose(1, 2)
    count = len(images)
    tokens = torch.cat([w["cls"].expand(count, 1, WIDTH), patches], 1) + w["position"]
    for block in range(to):
        at = f"blocks.{block}"
        normed = norm(tokens, f"{at}.norm1")
        split = [layer(normed, f"{at}.{name}").reshape(count, -1, HEADS, WIDTH // HEADS).transpose(1, 2)
                 for name in ("query", "key", "value")]
        scores = (split[0] @ split[1].transpose(2, 3) / math.sqrt(WIDTH // HEADS)).softmax(-1)
        mixed = (scores @ split[2]).transpose(1, 2).reshape(count, -1, WIDTH)
        tokens = tokens + layer(mixed, f"{at}.output") + beside("attention", block, tokens)
        hidden = torch.nn.functional.gelu(layer(norm(tokens, f"{at}.norm2"), f"{at}.fc1"))
        tokens = tokens + layer(hidden, f"{at}.fc2") + beside("mlp", block, tokens)
    return norm(tokens, "norm")[:, 0]


def cosines(x, y):
    return torch.nn.functional.normalize(x, dim=-1) @ torch.nn.functional.normalize(y, dim=-1).T


def descend(loss, parameters, rates):
    """One step of plain SGD on dictionaries of tensors."""
    names = list(parameters)
    for name, gradient in zip(names, torch.autograd.grad(loss, [parameters[name] for name in names], allow_unused=True)):
        if gradient is not None:
            parameters[name].data -= (rates[name] if isinstance(rates, dict) else rates) * gradient


def trained(**tensors):
    return {name: value.clone().requires_grad_() for name, value in tensors.items()}


def rounded(value):
    if isinstance(value, dict):
        return {name: rounded(each) for name, each in value.items()}
    if isinstance(value, torch.Tensor):
        return [float(f"{x:.8g}") for x in value.detach().flatten().tolist()]
    return value


def write(name, results):
    """One line a tensor."""
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in rounded(results).items()]
    with open(f"{sys.argv[1] if len(sys.argv) > 1 else '.'}/{name}.json", "w", encoding="utf8") as file:
        file.write("{\n" + ",\n".join(lines) + "\n}\n")
