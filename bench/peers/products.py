"""PyTorch's sides of bench/products.ts: one product, over and over.

    PYTHON products.py OPTIONS  answers {"repetitions": n} with the milliseconds of n products

OPTIONS are JSON: rows, inner, columns, threads, precision ("fp32" or "bf16"). Answers are JSON lines.
"""
import json
import sys
import time

import torch

options = json.loads(sys.argv[1])
torch.set_num_threads(options["threads"])
dtype = torch.bfloat16 if options["precision"] == "bf16" else torch.float32
x = torch.randn(options["rows"], options["inner"]).to(dtype)
weight = torch.randn(options["columns"], options["inner"]).to(dtype)
with torch.inference_mode():
    for line in sys.stdin:
        milliseconds = []
        for _ in range(json.loads(line)["repetitions"]):
            began = time.perf_counter()
            torch.nn.functional.linear(x, weight)
            milliseconds.append((time.perf_counter() - began) * 1000)
        print(json.dumps({"milliseconds": milliseconds}), flush=True)
