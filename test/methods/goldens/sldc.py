"""SLDC: B A on every layer but the output projection, A from W's singular vectors; symmetric cross-entropy, features held."""
import math

import torch
from torch.nn.functional import linear, one_hot

from tiny import LAYERS, WIDTH, batch, descend, features, trained, weights, write

RANK, FORWARD, REVERSE, KEEP, LENGTHS, RATE, HEAD, GAMMA = 3, 0.5, 0.5, 1.0, 0.1, 0.05, 0.3, 1e-4
SITES = [f"blocks.{b}.{name}" for b in range(LAYERS) for name in ("query", "key", "value", "fc1", "fc2")]


def run():
    w = weights()
    start = {site: torch.linalg.svd(w[f"{site}.weight"]).Vh[:RANK] for site in SITES}
    pairs = trained(**{f"a {s}": start[s] for s in SITES}, **{f"b {s}": torch.zeros(len(w[f"{s}.weight"]), RANK) for s in SITES})

    def low_rank(site, x, y):
        return y + linear(linear(x, pairs[f"a {site}"]), pairs[f"b {site}"]) if site in SITES else y

    results, means = {}, None
    for index, labels in enumerate([[0, 1, 0, 1, 1], [2, 3, 3, 2]]):
        images, targets = batch(labels)
        before = features(w, images, low_rank).detach()
        rows = trained(weight=torch.zeros(2, WIDTH), bias=torch.zeros(2))
        truth = one_hot(targets - 2 * index, 2).double()
        for _ in range(3):
            seen = features(w, images, low_rank)
            p = linear(seen, rows["weight"], rows["bias"]).softmax(1)
            loss = FORWARD * -(truth * p.log()).sum(1).mean() + REVERSE * -(p * truth.clamp(min=1e-4).log()).sum(1).mean()
            if index > 0:
                loss = loss + KEEP * (seen - before).pow(2).mean() + LENGTHS * (seen.norm(dim=1) - before.norm(dim=1)).pow(2).mean()
            both = pairs | rows
            descend(loss, both, {name: HEAD if name in rows else RATE for name in both})
        after = features(w, images, low_rank).detach()
        if means is not None:
            x, y = (rows_ / rows_.norm(dim=1, keepdim=True) for rows_ in (before, after))
            share = math.exp(-len(x) / WIDTH)
            map_ = (1 - share) * torch.linalg.solve(x.T @ x + GAMMA * torch.eye(WIDTH), x.T @ y) + share * torch.eye(WIDTH)
            scatter = before.T @ before
            results |= {"before": before, "after": after, "means": means, "moved": means @ map_, "scatter": scatter,
                        "moved scatter": map_.T @ scatter @ map_}
        means = torch.stack([after[targets == label].mean(0) for label in sorted(set(labels))])
        results |= {f"fc2 {index}": pairs["b blocks.1.fc2"] @ pairs["a blocks.1.fc2"],
                    f"value {index}": pairs["b blocks.2.value"] @ pairs["a blocks.2.value"], f"rows {index}": rows["weight"].clone()}
    return results


write("sldc", run())
