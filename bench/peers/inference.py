"""PyTorch's sides of bench/inference.ts: the CLS features of a ViT.

    PYTHON inference.py FOLDER OPTIONS

FOLDER is what writeNetwork of bench/networks.ts writes. OPTIONS are JSON: batch, microBatch, threads, precision ("fp32";
"autocast": bf16 autocast; "bf16": all weights are bf16), attention ("default", or one of transformers'
attn_implementation). Answers {"steps": n} with the milliseconds of n passes over
the batch, and a sum over the features.
"""
import json
import pathlib
import sys
import time

import numpy as np
import torch
import transformers

transformers.logging.set_verbosity_error()


def main(folder, options):
    torch.set_num_threads(options["threads"])
    precision, batch, micro = options["precision"], options["batch"], options["microBatch"]
    attention = {} if options["attention"] == "default" else {"attn_implementation": options["attention"]}
    network = transformers.ViTModel.from_pretrained(folder, add_pooling_layer=False, **attention).eval()
    if precision == "bf16":
        network.bfloat16()
    side = network.config.image_size
    images = torch.from_numpy(np.fromfile(folder / "images", np.uint8).reshape(batch, side, side, 3))

    @torch.inference_mode()
    def features():
        parts = []
        for start in range(0, batch, micro):
            pixels = (images[start:start + micro].permute(0, 3, 1, 2).float() / 127.5 - 1).contiguous()
            with torch.autocast("cpu", torch.bfloat16, enabled=precision == "autocast"):
                parts.append(network(pixels.bfloat16() if precision == "bf16" else pixels).last_hidden_state[:, 0].float())
        return torch.cat(parts)

    for line in sys.stdin:
        milliseconds = []
        for _ in range(json.loads(line)["steps"]):
            began = time.perf_counter()
            found = features()
            milliseconds.append((time.perf_counter() - began) * 1000)
        print(json.dumps({"milliseconds": milliseconds, "first": found[0].tolist()}), flush=True)


main(pathlib.Path(sys.argv[1]), json.loads(sys.argv[2]))
