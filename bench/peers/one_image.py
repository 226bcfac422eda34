"""PyTorch's side of bench/startup.ts: the features of one image, from a fresh process.

    PYTHON one_image.py BACKBONE IMAGE THREADS
"""
import json
import pathlib
import sys

import numpy as np
import torch
from PIL import Image
from transformers import AutoModel

folder, image, threads = sys.argv[1:]
torch.set_num_threads(int(threads))
network = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
statistics = json.loads((pathlib.Path(folder) / "preprocessor_config.json").read_text())
side = network.config.image_size
pixels = np.asarray(Image.open(image).convert("RGB").resize((side, side), Image.Resampling.BICUBIC), np.float32) / 255
pixels = (pixels - statistics["image_mean"]) / statistics["image_std"]
with torch.inference_mode():
    features = network(torch.from_numpy(pixels.astype(np.float32)).permute(2, 0, 1)[None]).last_hidden_state[:, 0]
print(features[0, :4].tolist())
