"""What TensorBoard's own reader finds in a folder, as JSON."""
import json
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

reader = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0, "images": 0, "tensors": 0})
reader.Reload()
tags = reader.Tags()
text = reader.Tensors("configuration")[-1].tensor_proto.string_val[0].decode()
images = [[image.width, image.height, image.encoded_image_string[:4].hex()] for tag in tags["images"] for image in reader.Images(tag)]
scalars = {tag: [[each.step, each.value] for each in reader.Scalars(tag)] for tag in tags["scalars"]}
print(json.dumps({"scalars": scalars, "images": images, "text": text}))
