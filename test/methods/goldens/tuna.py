"""TUNA: adapters of a task's own kept unlike past ones, universal ones, rows refitted on draws, and who decides."""
import math

import torch
from torch.nn.functional import cross_entropy, linear, one_hot

from tiny import LAYERS, SEED, WIDTH, Rng, batch, cosines, descend, features, single, trained, uniform, weights, write

SIZE, FACTOR, SCALE, MARGIN, UNLIKE, RATE, HEAD = 3, 0.5, 20.0, 0.1, 3.0, 0.3, 0.3
DRAWS, EPOCHS, ALIGN, BATCH = 90, 2, 0.01, 256


def fresh(task):
    found = {}
    for b in range(LAYERS):
        found |= {f"down {b}": uniform((SIZE, WIDTH), 1 / math.sqrt(WIDTH), Rng(SEED, "adapters", task, f"blocks.{b}.adapter")),
                  f"up {b}": torch.zeros(WIDTH, SIZE), f"down bias {b}": torch.zeros(SIZE), f"up bias {b}": torch.zeros(WIDTH)}
    return found


def beside(a):
    def branch(half, b, x):
        if half != "mlp":
            return 0
        return FACTOR * linear(linear(x, a[f"down {b}"], a[f"down bias {b}"]).relu(), a[f"up {b}"], a[f"up bias {b}"])
    return branch


def units(x):
    return x / (x.pow(2).sum(-1, keepdim=True) + 1e-24).sqrt()


def align(rows, classes):
    """classes: of each, its mean and variance."""
    rows = torch.stack(rows).clone().requires_grad_()
    optimizer = torch.optim.AdamW([rows], lr=ALIGN, weight_decay=0)
    steps = math.ceil(len(classes) * DRAWS / BATCH)
    for epoch in range(EPOCHS):
        rng = Rng("aligned cosines", epoch)
        order = rng.shuffled([i % len(classes) for i in range(len(classes) * DRAWS)])
        for step in range(steps):
            labels = order[step * BATCH:(step + 1) * BATCH]
            drawn = torch.stack([classes[c][0] + (classes[c][1] + 1e-4).sqrt() * torch.tensor([rng.normal() for _ in range(WIDTH)])
                                 for c in labels])
            optimizer.param_groups[0]["lr"] = ALIGN * (1 + math.cos(math.pi * (epoch * steps + step) / (EPOCHS * steps))) / 2
            optimizer.zero_grad()
            cross_entropy(SCALE * cosines(drawn, rows), torch.tensor(labels)).backward()
            optimizer.step()
    return rows.detach()


def run():
    w = weights()
    kept, rows, classes, results = [], [], [], {}
    for index, labels in enumerate([[0, 1, 0, 1, 1], [2, 3, 3, 2], [4, 5, 5, 4]]):
        images, targets = batch(labels)
        own = trained(**fresh(index), rows=uniform((2, WIDTH), 1 / math.sqrt(WIDTH), Rng(SEED, "rows", index)))
        for _ in range(3):
            logits = cosines(features(w, images, beside=beside(own)), own["rows"])
            loss = cross_entropy(SCALE * (logits - MARGIN * one_hot(targets - 2 * index, 2)), targets - 2 * index)
            alike = sum((units(own[f"up {b}"]) @ units(past[f"up {b}"]).T).mean().abs() / LAYERS
                        for past in kept for b in range(LAYERS))
            descend(loss + UNLIKE * math.exp(-(index + 1)) * alike, own, {n: HEAD if n == "rows" else RATE for n in own})
        kept.append({name: value.detach().clone() for name, value in own.items()})
        seen = features(w, images, beside=beside(kept[-1])).detach()
        for label in sorted(set(labels)):
            mine = seen[targets == label]
            classes.append((mine.mean(0), mine.var(0, unbiased=False)))
        rows += list(kept[-1]["rows"])
        results |= {f"up {index}": kept[-1]["up 1"], f"rows {index}": kept[-1]["rows"]}
    universal = {}
    for name in fresh(0):
        stacked = torch.stack([one[name] for one in kept])
        sign = torch.where(stacked.mean(0) > 0, 1.0, -1.0)
        universal[name] = sign * (stacked * sign).clamp(min=0).amax(0)
    aligned = align([single(row.tolist(), (WIDTH,)) for row in rows], classes)
    images, _ = batch([0, 3, 4, 1, 2], "asked")
    soft = [(SCALE * cosines(features(w, images, beside=beside(a)), aligned)).softmax(1) for a in [*kept, universal]]
    entropies = torch.stack([-(p * p.log()).sum(1) for p in soft[:-1]])
    surest = torch.stack(soft[:-1])[entropies.argmin(0), torch.arange(len(images))]
    return results | {"variance": classes[1][1], "universal": universal["up 1"], "down": universal["down 2"],
                      "aligned": aligned, "surest": entropies.argmin(0).double() + 1, "probabilities": surest + soft[-1]}


write("tuna", run())
