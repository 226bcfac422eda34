"""CL-LoRA: shared U D in the first blocks, taught by what they were; mu B A of a task's own in the others; prototypes."""
import math

import torch
from torch.nn.functional import cross_entropy, linear, log_softmax, softmax

from tiny import LAYERS, SEED, WIDTH, Rng, bases, batch, cosines, features, trained, uniform, weights, write

RANK, TEACH, T, UNLIKE, RATE, WEIGHT, HEAD, SIGMA = 3, 5.0, 2.0, 0.1, 0.1, 0.2, 0.1, 0.05
MIDDLE = LAYERS // 2
SHARED = [f"blocks.{b}.{name}" for b in range(MIDDLE) for name in ("query", "value")]
OWN = [f"blocks.{b}.{name}" for b in range(MIDDLE, LAYERS) for name in ("query", "value")]


def run(attached):
    w = weights()
    down = {}
    for site in SHARED:
        rng = Rng(SEED, "shared", site)
        down[site] = torch.linalg.qr(torch.tensor([rng.normal() for _ in range(WIDTH * RANK)]).reshape(WIDTH, RANK)).Q.T
    up = {site: torch.zeros(WIDTH, RANK) for site in SHARED}
    results, kept = {}, []
    for index, labels in enumerate([[0, 1, 0, 1, 1], [2, 3, 3, 2]]):
        images, targets = batch(labels)
        old = {site: up[site].detach().clone() for site in SHARED}
        values = trained(**{f"up {s}": up[s] for s in SHARED}, **{f"a {s}": bases(s, RANK, f"{SEED}/{index}") for s in OWN},
                         **{f"b {s}": torch.zeros(WIDTH, RANK) for s in OWN},
                         **{f"mu {s}": torch.tensor(0.5 + Rng(SEED, "block weight", index, s).uniform()) for s in OWN},
                         rows=uniform((2, WIDTH), 1 / math.sqrt(WIDTH), Rng(SEED, "rows", index)), sigma=torch.tensor(1.0))
        rates = {name: {"rows": HEAD, "sigma": SIGMA}.get(name, WEIGHT if name.startswith("mu") else RATE) for name in values}

        def low_rank(v, shared):
            def hook(site, x, y):
                if site in SHARED:
                    return y + linear(linear(x, down[site]), shared(site))
                return y + v[f"mu {site}"] * linear(linear(x, v[f"a {site}"]), v[f"b {site}"]) if site in OWN else y
            return hook

        current = low_rank(values, lambda site: values[f"up {site}"])
        for _ in range(3):
            names = list(values)
            loss = cross_entropy(values["sigma"] * cosines(features(w, images, current), values["rows"]), targets - 2 * index)
            if index > 0:
                mu = torch.stack([values[f"mu {s}"] for s in OWN])
                past = [torch.stack([one[f"mu {s}"] for s in OWN]) for one in kept]
                loss = loss + UNLIKE * sum(torch.cosine_similarity(mu, p, dim=0).abs() for p in past) / len(past)
            gradients = dict(zip(names, torch.autograd.grad(loss, [values[n] for n in names])))
            if index > 0:
                student = values["sigma"] * cosines(features(w, images, current, to=MIDDLE), values["rows"])
                teacher = values["sigma"] * cosines(features(w, images, low_rank(values, lambda site: old[site]), to=MIDDLE),
                                                    values["rows"])
                soft = softmax((teacher if attached else teacher.detach()) / T, 1)
                taught = -TEACH * (soft * log_softmax(student / T, 1)).sum() / len(labels)
                more = torch.autograd.grad(taught, [values[n] for n in names], allow_unused=True)
                for name, gradient in zip(names, more):
                    if gradient is None:
                        continue
                    if name.startswith("up "):
                        lengths = old[name[3:]].norm(dim=1)
                        gradient = gradient * (len(lengths) * lengths / lengths.sum())[:, None]
                    gradients[name] = gradients[name] + gradient
            for name in names:
                values[name].data -= rates[name] * gradients[name]
        up = {site: values[f"up {site}"].detach() for site in SHARED}
        kept.append({name: value.detach().clone() for name, value in values.items()})
        seen = features(w, images, current).detach()
        for label in sorted(set(labels)):
            results[f"mean {label}"] = seen[targets == label].mean(0)
        results |= {f"update {index}": up[SHARED[0]] @ down[SHARED[0]], f"mu {index}": torch.stack(
            [kept[-1][f"mu {s}"] for s in OWN]), f"own {index}": kept[-1][f"b {OWN[1]}"]}
    # What the first task's images look like through its own updates, under the shared ones as they are in the end.
    results["first"] = features(w, batch([0, 1, 0, 1, 1])[0], low_rank(kept[0], lambda site: up[site]))
    return results


coarse = run(True)
write("cl-lora", run(False) | {"attached update": coarse["update 1"]})
