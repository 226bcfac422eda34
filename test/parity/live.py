"""CLS features of a checkpoint folder by transformers, for raw images: what live.test.ts compares with.

    PYTHON test/parity/live.py FOLDER IMAGES COUNT SIZE OUT

IMAGES holds uint8 [COUNT, SIZE, SIZE, 3]; OUT gets float32 [COUNT, hidden size]. PYTHON has torch and transformers.
"""
import json
import pathlib
import sys

import numpy as np
import torch
from transformers import AutoConfig, AutoModel

folder, images, count, size, out = sys.argv[1:]
count, size = int(count), int(size)
statistics = json.loads((pathlib.Path(folder) / "preprocessor_config.json").read_text())
mean, std = (torch.tensor(statistics[key], dtype=torch.float64) for key in ("image_mean", "image_std"))
data = torch.from_numpy(np.fromfile(images, np.uint8).reshape(count, size, size, 3))
pixels = ((data.double() / 255 - mean) / std).permute(0, 3, 1, 2).float()
model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
interpolate = {"interpolate_pos_encoding": True} if AutoConfig.from_pretrained(folder).model_type == "vit" else {}
with torch.no_grad():
    features = model(pixels, **interpolate).last_hidden_state[:, 0]
features.numpy().astype(np.float32).tofile(out)
