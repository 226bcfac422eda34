"""Images of CIFAR-100 and of the emoji benchmark, and what a task's passes make of them: fm_lora.py's input."""
import math
import pathlib
import random

import numpy as np
import torch
from torch.nn import functional as F


def positions(options, classes):
    """Place in the stream of every class."""
    order = np.random.RandomState(options["orderSeed"]).permutation(classes)
    position = np.empty(classes, np.int64)
    position[order] = np.arange(classes)
    return position


def resized(images, size):
    """Bytes, once for all passes."""
    parts = [
        F.interpolate(part.float(), size=(size, size), mode="bicubic", antialias=True).round().clamp(0, 255).byte()
        for part in images.split(256)
    ]
    return torch.cat(parts)


def cifar(options):
    """Images as bytes, with stream positions for labels: (train images, labels), (test images, labels)."""
    position = positions(options, 100)

    def load(name, limit):
        records = np.fromfile(pathlib.Path(options["data"]) / name, np.uint8).reshape(-1, 3074)
        labels = position[records[:, 1]]
        if limit is not None:  # the first of every class in file order
            seen = np.zeros(100, np.int64)
            keep = []
            for row, label in enumerate(labels):
                seen[label] += 1
                if seen[label] <= limit:
                    keep.append(row)
            records, labels = records[keep], labels[keep]
        return torch.from_numpy(records[:, 2:].reshape(-1, 3, 32, 32)), torch.from_numpy(labels)

    return load("train.bin", options["limitPerClass"]), load("test.bin", options["testLimitPerClass"])


def emoji(options):
    """The same of drawings."""
    record = np.dtype([("label", "<u2"), ("pixels", "u1", (3, 96, 96))])
    train, test = (np.fromfile(pathlib.Path(options["data"]) / name, record) for name in ("train.bin", "test.bin"))
    position = positions(options, int(train["label"].max()) + 1)
    return tuple((torch.from_numpy(part["pixels"].copy()), torch.from_numpy(position[part["label"]])) for part in (train, test))


READERS = {"cifar100": cifar, "emoji": emoji}


class Pixels:
    """A task's images: features, and for training the tokens of views, mirrored by chance, before the first layer with an update."""

    def __init__(self, run, images):
        self.run, self.images = run, resized(images, run.options["imageSize"])

    def __len__(self):
        return len(self.images)

    def features(self, chosen):
        return self.run.vit(self.run.pixels(self.images[chosen]))

    def training_tokens(self, chosen):
        flips = torch.rand(len(chosen)) < 0.5
        batch = self.images[chosen]
        batch[flips] = batch[flips].flip(-1)
        return self.run.vit.before(self.run.pixels(batch))


class Cropped(Pixels):
    """The same with random crops in training, as torchvision's RandomResizedCrop draws them."""

    SCALE, RATIO = (0.35, 1), (3 / 4, 4 / 3)

    def __init__(self, run, images):
        super().__init__(run, images)
        self.whole = images

    def training_tokens(self, chosen):
        size = self.run.options["imageSize"]
        crops = torch.cat([resized(self.crop(self.whole[i])[None], size) for i in chosen])
        return self.run.vit.before(self.run.pixels(crops))

    def crop(self, image):
        side = image.shape[-1]
        for _ in range(10):
            area = side * side * random.uniform(*self.SCALE)
            shape = math.exp(random.uniform(*map(math.log, self.RATIO)))
            across, down = round(math.sqrt(area * shape)), round(math.sqrt(area / shape))
            if across <= side and down <= side:
                left, top = random.randint(0, side - across), random.randint(0, side - down)
                return image[:, top : top + down, left : left + across]
        return image


class Cached(Pixels):
    """The same from what the layers before the first update leave of both views, in half precision."""

    def __init__(self, run, images):
        super().__init__(run, images)
        with torch.no_grad():
            kept = lambda view: run.vit.before(run.pixels(view)).half()
            parts = [torch.stack([kept(part), kept(part.flip(-1))]) for part in self.images.split(64)]
        self.views = torch.cat(parts, 1)  # [2, n, tokens, width]

    def features(self, chosen):
        return self.run.vit.after(self.kept(torch.zeros(len(chosen), dtype=torch.long), chosen))

    def training_tokens(self, chosen):
        return self.kept((torch.rand(len(chosen)) < 0.5).long(), chosen)

    def kept(self, flips, chosen):
        return self.views[flips, chosen].to(self.run.vit.vit.dtype)
