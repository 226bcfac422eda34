"""Scores of exported models by the libraries they are for: what exports.test.ts compares with.

    PYTHON test/parity/exports.py JOBS

JOBS is a JSON list; each job has `kind` (peft, safetensors, onnx), `folder`, `backbone`, `library` (transformers or
timm), `class_name`, `classes`, `apart` (the classifier is no part of the library's model), `interpolate`, `images`
(float32 [count, 3, size, size] in a file, normalized), `count`, `size`, `out`. `out` gets float32 [count, classes].
PYTHON has torch, transformers, timm, peft; for onnx onnxruntime. Prints the versions.
"""
import json
import sys

import numpy as np
import torch
import transformers
from safetensors.torch import load_file


def pixels(job):
    values = np.fromfile(job["images"], np.float32)
    return values.reshape(job["count"], 3, job["size"], job["size"])


def base_model(job):
    if job["library"] == "timm":
        import timm

        where = job["folder"] if job["kind"] == "safetensors" else job["backbone"]
        count = {} if job["kind"] == "safetensors" else {"num_classes": job["classes"], "img_size": job["size"]}
        return timm.create_model(f"local-dir:{where}", pretrained=True, **count)
    cls = getattr(transformers, job["class_name"])
    if job["kind"] == "safetensors":
        return cls.from_pretrained(job["folder"], dtype=torch.float32)
    count = {} if job["apart"] else {"num_labels": job["classes"], "ignore_mismatched_sizes": True}
    return cls.from_pretrained(job["backbone"], dtype=torch.float32, **count)


def torch_scores(job):
    model = base_model(job)
    if job["kind"] == "peft":
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, job["folder"])
    model.eval()
    options = {"interpolate_pos_encoding": True} if job["interpolate"] else {}
    with torch.no_grad():
        result = model(torch.from_numpy(pixels(job)), **options)
    if job["library"] == "timm":
        return result
    if not job["apart"]:
        assert job["kind"] == "peft" or list(model.config.id2label.values()) == job["labels"], model.config.id2label
        return result.logits
    head = load_file(f"{job['folder']}/classifier.safetensors")
    return result.pooler_output @ head["weight"].T + head["bias"]


def onnx_scores(job):
    import onnxruntime

    session = onnxruntime.InferenceSession(f"{job['folder']}/onnx/model.onnx", providers=["CPUExecutionProvider"])
    [logits] = session.run(None, {"pixel_values": pixels(job)})
    return torch.from_numpy(logits)


for job in json.load(open(sys.argv[1])):
    scores = onnx_scores(job) if job["kind"] == "onnx" else torch_scores(job)
    scores.detach().numpy().astype(np.float32).tofile(job["out"])
print(f"torch {torch.__version__} transformers {transformers.__version__}")
