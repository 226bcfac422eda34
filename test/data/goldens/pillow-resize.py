"""Writes pillow-resize.json: torchvision's test transform by Pillow (made with Pillow 13.0.0, NumPy 2).

Run: python test/data/goldens/pillow-resize.py > test/data/goldens/pillow-resize.json
"""
import json
import math

import numpy
from PIL import Image


def pattern(width, height):
    """Smooth waves with some detail; test/data/image.test.ts draws the same."""
    y, x, c = numpy.mgrid[0:height, 0:width, 0:3]
    value = 128 + 90 * numpy.sin(x * (0.35 + 0.1 * c) + 0.5 * c) * numpy.cos(y * 0.45 - 0.3 * c) + 30 * ((x + 2 * y) % 3 - 1)
    return Image.fromarray(numpy.floor(value + 0.5).clip(0, 255).astype(numpy.uint8)[:, :, [0, 1, 2]])


def test_view(image, size, fraction, resample):
    if fraction is None:
        return image.resize((size, size), resample)
    width, height = image.size
    shorter = math.floor(size / fraction)
    if width <= height:
        new = (shorter, int(shorter * height / width))
    else:
        new = (int(shorter * width / height), shorter)
    image = image.resize(new, resample)
    left, top = int(round((new[0] - size) / 2.0)), int(round((new[1] - size) / 2.0))
    return image.crop((left, top, left + size, top + size))


cases = []
for width, height, size, fraction in [(40, 30, 12, 0.875), (29, 41, 12, 0.9), (50, 33, 16, None), (200, 150, 12, None), (6, 5, 14, None)]:
    for name, resample in [("bicubic", Image.BICUBIC), ("bilinear", Image.BILINEAR)]:
        out = numpy.asarray(test_view(pattern(width, height), size, fraction, resample))
        cases.append({"width": width, "height": height, "size": size, "cropFraction": fraction,
                      "interpolation": name, "pixels": out.reshape(-1).tolist()})
print("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]")
