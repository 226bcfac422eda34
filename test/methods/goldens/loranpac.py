"""LoRanPAC: regression on random ReLU features, by the leading 75 % of their singular values, without a ridge."""
import torch

from tiny import Rng, single, write

D, M, CLASSES, IMAGES, KEPT = 5, 40, 4, 32, 0.75


def drawn(name, count):
    rng = Rng("loranpac", name)
    labels = [i % CLASSES for i in range(count)]
    rows = [[Rng("loranpac", "center", label, i).normal() + 0.8 * rng.normal() for i in range(D)] for label in labels]
    return single(rows, (count, D)), labels


def hidden(rows):
    rng = Rng("ranpac", D, M)
    return (rows @ torch.tensor([rng.normal() for _ in range(D * M)]).reshape(D, M)).relu()


train, labels = drawn("train", IMAGES)
asked, _ = drawn("asked", 8)
left, size, _ = torch.linalg.svd(hidden(train).T, full_matrices=False)
count = round(KEPT * int((size > 0).sum()))
left, size = left[:, :count], size[:count]
sums = hidden(train).T @ torch.nn.functional.one_hot(torch.tensor(labels), CLASSES).double()
write("loranpac", {"train": train, "asked": asked, "scores": hidden(asked) @ (left / size**2 @ (left.T @ sums))})
