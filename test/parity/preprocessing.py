"""What image processors make of image files, against our pixels.

    PYTHON test/parity/preprocessing.py FOLDER

FOLDER/cases.json lists {"processor", "file", "pixels"}: our pixels are uint8 [224, 224, 3] in the file `pixels`.
Prints JSON: for each case the mean and the largest absolute difference, out of 255, and the means of 4 x 4 blocks of
the library's own pixels, per channel. PYTHON has transformers, timm, torchvision and Pillow.
"""
import json
import pathlib
import sys

import numpy as np
import timm.data
import transformers
from PIL import Image, ImageOps

SIZE = 224


def by_transformers(name, **options):
    """The processor that works with Pillow, as checkpoints were trained with."""
    processor = getattr(transformers, f"{name}ImageProcessorPil")(**options)
    mean, std = np.array(processor.image_mean), np.array(processor.image_std)

    def run(image):
        pixels = np.asarray(processor(image, return_tensors="np")["pixel_values"])[0].transpose(1, 2, 0)
        return (pixels * std + mean) * 255
    return run


def by_timm():
    transform = timm.data.create_transform((3, SIZE, SIZE), interpolation="bicubic", crop_pct=0.9, mean=(0, 0, 0), std=(1, 1, 1))
    return lambda image: transform(image).numpy().transpose(1, 2, 0) * 255


PROCESSORS = {
    "ViT": by_transformers("ViT"),
    "DINOv2": by_transformers("Bit", size={"shortest_edge": 256}),
    "CLIP": by_transformers("CLIP"),
    "SigLIP": by_transformers("Siglip"),
    "DeiT": by_transformers("DeiT"),
    "timm": by_timm(),
}


def main(folder):
    results = []
    for case in json.loads((folder / "cases.json").read_text()):
        image = ImageOps.exif_transpose(Image.open(folder / case["file"])).convert("RGB")
        theirs = PROCESSORS[case["processor"]](image)
        ours = np.fromfile(folder / case["pixels"], np.uint8).reshape(SIZE, SIZE, 3)
        difference = np.abs(theirs - ours)
        blocks = theirs.reshape(4, SIZE // 4, 4, SIZE // 4, 3).mean((1, 3)).reshape(-1)
        results.append({
            "processor": case["processor"], "file": case["file"], "width": image.width, "height": image.height,
            "mean": float(difference.mean()),
            "largest": float(difference.max()), "blocks": [round(float(value), 2) for value in blocks],
        })
    print(json.dumps(results))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
