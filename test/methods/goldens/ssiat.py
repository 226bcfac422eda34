"""SSIAT: adapters beside the MLPs that go on training by cosines over the task's classes; means by a kernel of shifts."""
import math

import torch
from torch.nn.functional import cross_entropy, linear, one_hot

from tiny import LAYERS, SEED, WIDTH, Rng, batch, cosines, descend, features, trained, uniform, weights, write

SIZE, FACTOR, SCALE, MARGIN, RATE, HEAD, SIGMA = 3, 0.5, 20.0, 0.1, 0.5, 0.5, 1.5


def run():
    w = weights()
    adapters = trained(**{f"down {b}": uniform((SIZE, WIDTH), 1 / math.sqrt(WIDTH), Rng(SEED, "adapters", f"blocks.{b}.adapter"))
                          for b in range(LAYERS)}, **{f"up {b}": torch.zeros(WIDTH, SIZE) for b in range(LAYERS)},
                       **{f"down bias {b}": torch.zeros(SIZE) for b in range(LAYERS)},
                       **{f"up bias {b}": torch.zeros(WIDTH) for b in range(LAYERS)})

    def beside(half, b, x):
        if half != "mlp":
            return 0
        hidden = linear(x, adapters[f"down {b}"], adapters[f"down bias {b}"]).relu()
        return FACTOR * linear(hidden, adapters[f"up {b}"], adapters[f"up bias {b}"])

    results, means = {}, None
    for index, labels in enumerate([[0, 1, 0, 1, 1], [2, 3, 3, 2]]):
        images, targets = batch(labels)
        before = features(w, images, beside=beside).detach()
        rows = trained(rows=uniform((2, WIDTH), 1 / math.sqrt(WIDTH), Rng(SEED, "rows", index)))
        for _ in range(3):
            logits = cosines(features(w, images, beside=beside), rows["rows"])
            loss = cross_entropy(SCALE * (logits - MARGIN * one_hot(targets - 2 * index, 2)), targets - 2 * index)
            both = adapters | rows
            descend(loss, both, {name: HEAD if name == "rows" else RATE for name in both})
        after = features(w, images, beside=beside).detach()
        if means is not None:
            weight = torch.exp(-torch.cdist(means, before) ** 2 / (2 * SIGMA**2)) + 1e-5
            results["before"], results["after"], results["means"] = before, after, means
            results["moved"] = means + weight / weight.sum(1, keepdim=True) @ (after - before)
        means = torch.stack([after[targets == label].mean(0) for label in sorted(set(labels))])
        results |= {f"up {index}": adapters["up 1"].clone(), f"down {index}": adapters["down 0"].clone(), f"rows {index}": rows["rows"]}
    return results


write("ssiat", run())
