"""PyTorch's side of bench/input-pipeline.ts: a DataLoader over JPEG files with Pillow and torchvision's transforms.

    PYTHON input_pipeline.py OPTIONS  answers {"images": n} with the seconds of a pass over n images

OPTIONS is JSON. Requests and answers are JSON lines on stdin and stdout.
"""
import json
import os
import pathlib
import sys
import time

import torch
from PIL import Image
from torchvision import transforms

TICKS = os.sysconf("SC_CLK_TCK")
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


class Photos(torch.utils.data.Dataset):
    """`count` images; files repeat."""

    def __init__(self, files, count, transform):
        self.files, self.count, self.transform = files, count, transform

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        with open(self.files[index % len(self.files)], "rb") as file:
            return self.transform(Image.open(file).convert("RGB")), 0


def processor_seconds(pids):
    """User and system time of processes so far, from /proc."""
    total = 0
    for pid in pids:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def main(options):
    torch.set_num_threads(1)  # the workers decode; the main process only stacks
    modes = transforms.InterpolationMode
    end = [transforms.ToTensor(), transforms.Normalize(MEAN, STD)] if options["floats"] else [transforms.PILToTensor()]
    transform = transforms.Compose([
        transforms.RandomResizedCrop(options["size"], interpolation=modes.BICUBIC if options["interpolation"] == "bicubic" else modes.BILINEAR),
        transforms.RandomHorizontalFlip(),
        *end,
    ])
    files = sorted(pathlib.Path(options["folder"]).iterdir())
    scale = torch.tensor(STD).view(3, 1, 1) * 255, torch.tensor(MEAN).view(3, 1, 1) * 255
    loaders = {}  # by length: its workers stay, so that their start isn't measured
    for line in sys.stdin:
        count = json.loads(line)["images"]
        if count not in loaders:
            loaders[count] = torch.utils.data.DataLoader(
                Photos(files, count, transform), batch_size=options["batch"], shuffle=True,
                num_workers=options["workers"], persistent_workers=options["workers"] > 0)
        loader = loaders[count]
        workers = getattr(getattr(loader, "_iterator", None), "_workers", [])
        before = processor_seconds([os.getpid(), *(worker.pid for worker in workers)])
        began = time.perf_counter()
        means = []
        for images, _ in loader:
            sample = images[:, :, ::9, ::9]  # a check, not a cost
            means.append((sample * scale[0] + scale[1] if options["floats"] else sample.float()).mean().item())
        seconds = time.perf_counter() - began
        workers = getattr(getattr(loader, "_iterator", None), "_workers", [])
        after = processor_seconds([os.getpid(), *(worker.pid for worker in workers)])
        print(json.dumps({"seconds": seconds, "processorSeconds": after - before, "mean": sum(means) / len(means)}), flush=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
