"""Adapters made by PEFT and the features with them: what adapters.test.ts starts from and compares with.

    PYTHON test/parity/adapters.py JOBS

JOBS is a JSON list; each job has `library` (transformers or timm), `backbone`, `folder` (where the adapter goes), `targets`,
`rank`, `rslora`, `images` (float32 [count, 3, size, size] in a file, normalized), `count`, `size`, `out`, which gets
float32 [count, width]. PYTHON has torch, transformers, timm, peft.
"""
import json
import sys

import numpy as np
import torch
import transformers
from peft import LoraConfig, get_peft_model

for job in json.load(open(sys.argv[1])):
    if job["library"] == "timm":
        import timm

        model = timm.create_model(f"local-dir:{job['backbone']}", pretrained=True, num_classes=0)
    else:
        model = transformers.AutoModel.from_pretrained(job["backbone"], dtype=torch.float32)
    torch.manual_seed(1993)
    config = LoraConfig(
        r=job["rank"],
        lora_alpha=5,
        target_modules=job["targets"],
        use_rslora=job["rslora"],
        init_lora_weights=False,
    )
    adapted = get_peft_model(model, config).eval()
    adapted.save_pretrained(job["folder"])
    pixels = np.fromfile(job["images"], np.float32).reshape(job["count"], 3, job["size"], job["size"])
    with torch.no_grad():
        result = adapted(torch.from_numpy(pixels))
    features = result if job["library"] == "timm" else result.last_hidden_state[:, 0]
    features.numpy().astype(np.float32).tofile(job["out"])
