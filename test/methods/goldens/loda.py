"""LoDA: 0.25 B_G A_G + 0.5 B_I A_I on queries, keys and values, in directions by input moments; halves lead each other."""
import math

import torch
from torch.nn.functional import cross_entropy, linear

from tiny import LAYERS, SEED, WIDTH, Rng, batch, cosines, features, trained, uniform, weights, write

RANK, GENERAL, OWN, GAMMA, RHO, SCALE, MARGIN, RATE, HEAD = 3, 0.25, 0.5, 3.0, 0.3, 20.0, 0.05, 0.5, 0.5
BLOCKS = [f"blocks.{block}" for block in range(LAYERS)]
SITES = [f"{block}.{name}" for block in BLOCKS for name in ("query", "key", "value")]


def moments(w, images):
    found = {}

    def watch(site, x, y):
        if site.endswith(".key"):
            rows = x.detach().reshape(-1, WIDTH)
            found[site[:-4]] = rows.T @ rows / len(rows)
        return y

    features(w, images, watch)
    return found


def leading(square, count):
    return torch.linalg.eigh(square).eigenvectors.flip(1)[:, :count]


def run():
    w = weights()
    past = {block: torch.zeros(WIDTH, WIDTH) for block in BLOCKS}
    results = {}
    for index, labels in enumerate([[0, 1, 0, 1, 1], [2, 3, 3, 2]]):
        images, targets = batch(labels)
        current = moments(w, images)
        first = index == 0
        general, own = {}, {}
        for block in BLOCKS:
            general[block] = leading(past[block] + current[block], RANK).T / math.sqrt(3)
            if not first:
                ridged = past[block] + 1e-6 * past[block].diagonal().mean() * torch.eye(WIDTH)
                inverse = torch.linalg.inv(torch.linalg.cholesky(ridged))
                lifted = inverse.T @ leading(inverse @ current[block] @ inverse.T, RANK)
                own[block] = torch.linalg.qr(lifted).Q.T / math.sqrt(3)
        rng = Rng(SEED, "rows", index)
        rows = trained(rows=uniform((2, WIDTH), 1 / math.sqrt(WIDTH), rng))
        lora = trained(**{f"g {site}": torch.zeros(WIDTH, RANK) for site in SITES})
        if first:
            lora |= trained(**{f"a {block}": general[block] for block in BLOCKS})
        else:
            lora |= trained(**{f"i {site}": torch.zeros(WIDTH, RANK) for site in SITES})

        def update(values, site):
            block = site.rpartition(".")[0]
            sum_ = GENERAL * values[f"g {site}"] @ (values[f"a {block}"] if first else general[block])
            return sum_ if first else sum_ + OWN * values[f"i {site}"] @ own[block]

        def loss_of(which, values):
            logits = cosines(features(w, images[which], lambda site, x, y: y + linear(x, update(values, site))
                                      if site in SITES else y), rows["rows"])
            local = targets[which] - 2 * index
            return cross_entropy(SCALE * (logits - MARGIN * torch.nn.functional.one_hot(local, 2)), local)

        for step in range(3):
            rng = Rng(SEED, "halves", index, 0, step)
            half = rng.shuffled(sorted(set(labels)))[:1]
            lead = RHO * rng.uniform()
            one = [i for i, label in enumerate(labels) if label in half]
            two = [i for i, label in enumerate(labels) if label not in half]
            for leaders, followers in ((one, two), (two, one)):
                towards = torch.autograd.grad(loss_of(leaders, lora), list(lora.values()))
                moved = trained(**{name: (value - lead * g / (g.norm() + 1e-12)).detach()
                                   for (name, value), g in zip(lora.items(), towards)})
                gradients = torch.autograd.grad(loss_of(followers, moved), [*moved.values(), rows["rows"]])
                for value, gradient in zip(lora.values(), gradients):
                    value.data -= RATE * gradient
                rows["rows"].data -= HEAD * gradients[-1]
        for site in SITES:
            block = site.rpartition(".")[0]
            if not first:
                g = [torch.einsum("ri,ij,rj->r", general[block], s[block], general[block]) for s in (past, current)]
                lora[f"g {site}"].data *= 1 - g[0] / (g[0] + GAMMA * g[1])
            w[f"{site}.weight"] = (w[f"{site}.weight"] + update(lora, site)).detach()
        after = moments(w, images)
        past = {block: past[block] + after[block] for block in BLOCKS}
        results |= {f"query {index}": w["blocks.1.query.weight"], f"value {index}": w["blocks.2.value.weight"],
                    f"rows {index}": rows["rows"], f"past {index}": past["blocks.1"]}
    return results


write("loda", run())
