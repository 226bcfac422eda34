"""E2-LoRA: B A on fused queries, keys and values and on fc1, B the directions that past tasks have left, A trained from zero."""
import torch
from torch.nn.functional import cross_entropy, kl_div, linear, log_softmax, softmax

from tiny import HIDDEN, LAYERS, WIDTH, batch, descend, features, trained, weights, write

DISTILL, T, RATE, HEAD = 0.25, 2.0, 0.05, 0.5
GROUPS = {f"blocks.{b}.attention": [f"blocks.{b}.{n}" for n in ("query", "key", "value")] for b in range(LAYERS)}
GROUPS |= {f"blocks.{b}.mlp": [f"blocks.{b}.fc1"] for b in range(LAYERS)}
OUT = {name: 3 * WIDTH if name.endswith("attention") else HIDDEN for name in GROUPS}


def kept(energies, threshold):
    total = energies[:, 1][0]
    return min(int((torch.cumsum(energies[:, 0], 0) <= threshold * total).sum()) + 1, len(energies))


def run():
    frozen = weights()
    w = dict(frozen)
    past = {name: [] for name in GROUPS}  # of each task: directions [out, r], inputs [r, in], energies and their total [r, 2]
    old_rows, results = [], {}
    for index, labels in enumerate([[0, 1, 0, 1, 1], [2, 3, 3, 2], [4, 5, 5, 4]]):
        images, targets = batch(labels)
        local, free, pruned = targets - 2 * index, {}, {}
        for name in GROUPS:
            threshold = 1.0
            while past[name]:
                threshold -= 1e-5
                ranks = [kept(energies, threshold) for _, _, energies in past[name]]
                if sum(ranks) <= OUT[name] * index // (index + 1):
                    past[name] = [(u[:, :r], a[:r], e[:r]) for (u, a, e), r in zip(past[name], ranks)]
                    break
            columns = torch.cat([u for u, _, _ in past[name]], 1) if past[name] else torch.zeros(OUT[name], 0)
            free[name] = torch.linalg.svd(columns, full_matrices=True).U[:, columns.shape[1]:]
            change = sum((u @ a for u, a, _ in past[name]), torch.zeros(OUT[name], WIDTH))
            for site, part in zip(GROUPS[name], change.split([OUT[name] // len(GROUPS[name])] * len(GROUPS[name]))):
                pruned[f"{site}.weight"] = frozen[f"{site}.weight"] + part
        w |= pruned
        values = trained(**{name: torch.zeros(free[name].shape[1], WIDTH) for name in GROUPS},
                         weight=torch.zeros(2, WIDTH), bias=torch.zeros(2))
        place = {site: (name, i) for name, sites in GROUPS.items() for i, site in enumerate(sites)}

        def changed(site, x, y):
            if site not in place:
                return y
            name, i = place[site]
            size = OUT[name] // len(GROUPS[name])
            return y + linear(x, (free[name] @ values[name])[i * size:(i + 1) * size])

        for _ in range(3):
            seen = features(w, images, changed)
            loss = cross_entropy(linear(seen, values["weight"], values["bias"]), local)
            if old_rows:
                rows, biases = (torch.cat(parts) for parts in zip(*old_rows))
                taught = linear(features(w, images), rows, biases)
                loss = loss + DISTILL * T**2 * kl_div(log_softmax(linear(seen, rows, biases) / T, 1),
                                                      softmax(taught / T, 1), reduction="batchmean")
            descend(loss, values, {name: HEAD if name in ("weight", "bias") else RATE for name in values})
        old_rows.append((values["weight"].detach(), values["bias"].detach()))
        inputs = {}

        def record(site, x, y):
            read = x[:, :1] if site == f"blocks.{LAYERS - 1}.fc1" else x  # nothing else of it goes into features
            inputs[site] = read.detach().reshape(-1, WIDTH)
            return changed(site, x, y)

        features(w, images, record)
        for name, sites in GROUPS.items():
            change = (free[name] @ values[name]).detach()
            x = inputs[sites[-1]]
            left, size, _ = torch.linalg.svd(change, full_matrices=False)
            reach = left[:, size**2 > 1e-10 * size[0] ** 2]  # the rest of B is not used, and free again
            outputs = (x - x.mean(0)) @ change.T @ reach
            energies, rotation = torch.linalg.eigh(outputs.T @ outputs / len(x))
            energies, directions = energies.flip(0).clamp(min=0), reach @ rotation.flip(1)
            past[name].append((directions, directions.T @ change,
                               torch.stack([energies, torch.full_like(energies, float(energies.sum()))], 1)))
        ranks = [len(e) for _, _, e in past["blocks.1.attention"]]
        results |= {f"ranks {index}": torch.tensor(ranks).double(), f"rows {index}": old_rows[-1][0],
                    f"energies {index}": past["blocks.1.mlp"][-1][2][:, 0],
                    f"attention {index}": sum(u @ a for u, a, _ in past["blocks.1.attention"]),
                    f"mlp {index}": sum(u @ a for u, a, _ in past["blocks.2.mlp"])}
    return results


write("e2-lora", run())
