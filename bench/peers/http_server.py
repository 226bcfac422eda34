"""PyTorch's side of bench/http.ts: a plain FastAPI server with the features of a ViT and a linear classifier.

    PYTHON http_server.py FOLDER PORT THREADS

FOLDER is a backbone as transformers saves it. As people write it: a function without async, so that FastAPI has it
called in a thread of its pool; Pillow decodes and resizes, transformers' model answers.
"""
import io
import sys

import fastapi
import torch
import transformers
import uvicorn
from PIL import Image

transformers.logging.set_verbosity_error()
folder, port, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
CLASSES = 10

torch.set_num_threads(threads)
processor = transformers.AutoImageProcessor.from_pretrained(folder)
network = transformers.ViTModel.from_pretrained(folder, add_pooling_layer=False, dtype=torch.float32).eval()
classifier = torch.nn.Linear(network.config.hidden_size, CLASSES)
app = fastapi.FastAPI()


@app.post("/predict")
def predict(images: fastapi.UploadFile):
    image = Image.open(io.BytesIO(images.file.read())).convert("RGB")
    with torch.inference_mode():
        features = network(**processor(image, return_tensors="pt")).last_hidden_state[:, 0]
        probabilities = classifier(features).softmax(1)[0]
    top = probabilities.topk(3)
    return {"classes": [{"className": int(c), "probability": float(p)} for p, c in zip(*top)]}


@app.get("/health")
def health():
    return {"status": "ok"}


uvicorn.run(app, host="127.0.0.1", port=port, log_level="error")
