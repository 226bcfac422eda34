"""EWC-LoRA: B A on keys and values, charged with lambda / 2 sum omega (B A)^2, folded in after a task."""
import torch
from torch.nn.functional import cross_entropy, linear

from tiny import LAYERS, SEED, WIDTH, bases, batch, descend, features, trained, weights, write

RANK, ELASTICITY, DECAY, RATE, HEAD = 3, 1e4, 0.5, 20.0, 0.5
SITES = [f"blocks.{block}.{name}" for block in range(LAYERS) for name in ("key", "value")]


def run(batch_importance):
    w = weights()
    omega = {site: torch.zeros(WIDTH, WIDTH) for site in SITES}
    rows = {}
    for index, labels in enumerate([[0, 1, 0, 1, 1], [2, 3, 3, 2]]):
        images, targets = batch(labels)
        local = targets - 2 * index
        pairs = trained(**{f"{site}.a": bases(site, RANK, f"{SEED}/{index}") for site in SITES},
                        **{f"{site}.b": torch.zeros(WIDTH, RANK) for site in SITES},
                        weight=torch.zeros(2, WIDTH), bias=torch.zeros(2))
        rates = {name: HEAD if name in ("weight", "bias") else RATE for name in pairs}

        def low_rank(site, x, y):
            return y + linear(linear(x, pairs[f"{site}.a"]), pairs[f"{site}.b"]) if site in SITES else y

        for _ in range(3):
            penalty = sum((omega[site] * (pairs[f"{site}.b"] @ pairs[f"{site}.a"]) ** 2).sum() for site in SITES)
            loss = cross_entropy(linear(features(w, images, low_rank), pairs["weight"], pairs["bias"]), local)
            descend(loss + ELASTICITY / 2 * penalty, pairs, rates)
        for site in SITES:
            w[f"{site}.weight"] = (w[f"{site}.weight"] + pairs[f"{site}.b"] @ pairs[f"{site}.a"]).detach().requires_grad_()
        rows[index] = pairs["weight"]
        own = [w[f"{site}.weight"] for site in SITES]
        groups = [range(len(labels))] if batch_importance else [[i] for i in range(len(labels))]
        for site in SITES:
            omega[site] = DECAY * omega[site]
        for group in groups:
            group = list(group)
            loss = cross_entropy(linear(features(w, images[group]), pairs["weight"], pairs["bias"]), local[group])
            for site, gradient in zip(SITES, torch.autograd.grad(loss, own)):
                omega[site] = omega[site] + gradient**2 * len(group) / len(labels)
    return w, omega, rows


w, omega, rows = run(False)
_, coarse, _ = run(True)
write("ewc-lora", {"weight": w["blocks.1.value.weight"], "key": w["blocks.2.key.weight"], "rows": rows[1],
                   "importance": omega["blocks.1.value"], "batch importance": coarse["blocks.1.value"]})
