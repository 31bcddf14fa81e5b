#!/usr/bin/python3
"""Trains models/fashion_mnist.onnx, a small pre-activation residual network, and writes its sample images.

    apt-get install python3-torch python3-onnx python3-pil dataset-fashion-mnist
    /usr/bin/python3 tools/models/fashion_mnist.py        # about ten minutes on two cores

The seed is fixed; thread count, PyTorch version and CPU still change the rounding, and so the last digits.
"""
import argparse
import csv
import gzip
import io
import json
import pathlib
import time

import numpy as np
import onnx
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = pathlib.Path("/usr/share/datasets/fashion-mnist")
LABELS = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]
IMAGES_PER_CLASS = 20


class PreActivationBlock(nn.Module):
    """BN - ReLU - conv - BN - ReLU - conv plus shortcut; a projection starts from the first activation."""

    def __init__(self, channels_in, channels_out, stride):
        super().__init__()
        self.norm1 = nn.BatchNorm2d(channels_in)
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, stride, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels_out)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False)
        identity = stride == 1 and channels_in == channels_out
        self.projection = None if identity else nn.Conv2d(channels_in, channels_out, 1, stride, bias=False)

    def forward(self, x):
        a = F.relu(self.norm1(x))
        shortcut = x if self.projection is None else self.projection(a)
        return shortcut + self.conv2(F.relu(self.norm2(self.conv1(a))))


class Network(nn.Module):
    """N x 1 x 28 x 28 -> N x 10 logits; the last map is 64 x 7 x 7."""

    def __init__(self, widths=(16, 32, 64), blocks_per_stage=2):
        super().__init__()
        self.stem = nn.Conv2d(1, widths[0], 3, padding=1, bias=False)
        blocks, channels = [], widths[0]
        for stage, width in enumerate(widths):
            for block in range(blocks_per_stage):
                blocks.append(PreActivationBlock(channels, width, stride=2 if stage > 0 and block == 0 else 1))
                channels = width
        self.blocks = nn.Sequential(*blocks)
        self.norm = nn.BatchNorm2d(channels)
        self.head = nn.Linear(channels, len(LABELS))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x):
        features = F.relu(self.norm(self.blocks(self.stem(x))))
        return self.head(F.adaptive_avg_pool2d(features, 1).flatten(1))


def read_idx(name):
    """An IDX file of bytes: two zeros, type 8, number of axes, big-endian sizes, data."""
    raw = gzip.open(DATA / name).read()
    axes = raw[3]
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * axes).reshape(np.frombuffer(raw, ">i4", axes, offset=4))


def read_split(name):
    """uint8 images [count, 28, 28] and int64 labels [count]."""
    labels = read_idx(f"{name}-labels-idx1-ubyte.gz")
    return read_idx(f"{name}-images-idx3-ubyte.gz"), torch.from_numpy(labels.astype(np.int64))


def normalise(images, mean, std):
    return torch.from_numpy((images[:, None].astype("f4") / 255 - mean) / std)


def augment(batch, background):
    """Mirrors each image with probability 1/2 and shifts it by up to two pixels."""
    n, _, height, width = batch.shape
    mirrored = torch.where(torch.rand(n, 1, 1, 1) < 0.5, batch.flip(3), batch)
    padded = F.pad(mirrored, (2, 2, 2, 2), value=background)
    rows = torch.randint(0, 5, (n, 1)) + torch.arange(height)
    columns = torch.randint(0, 5, (n, 1)) + torch.arange(width)
    return padded[torch.arange(n)[:, None, None], 0, rows[:, :, None], columns[:, None, :]][:, None]


def train(network, images, labels, epochs, background, batch_size=128):
    steps = epochs * (len(images) // batch_size)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=5e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=0.1, total_steps=steps, pct_start=0.15,
                                                   anneal_strategy="cos", cycle_momentum=False)
    network.train()
    for epoch in range(epochs):
        start, total = time.time(), 0.0
        batches = torch.randperm(len(images)).split(batch_size)[:len(images) // batch_size]
        for index in batches:
            loss = F.cross_entropy(network(augment(images[index], background)), labels[index])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.item()
        print(f"epoch {epoch + 1:2d}: loss {total / len(batches):.4f}, {time.time() - start:.0f} s", flush=True)
    network.eval()


@torch.no_grad()
def accuracy(network, images, labels):
    return sum((network(x).argmax(1) == y).sum().item()
               for x, y in zip(images.split(500), labels.split(500))) / len(labels)


def export(network, path, mean, std):
    """BatchNorm stays visible: audits and fine-tuning need it."""
    buffer = io.BytesIO()
    torch.onnx.export(network, torch.zeros(1, 1, 28, 28), buffer, opset_version=17,
                      training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False,
                      input_names=["image"], output_names=["logits"],
                      dynamic_axes={"image": {0: "N"}, "logits": {0: "N"}})
    model = onnx.load_from_string(buffer.getvalue())
    model.producer_name = "fovea tools/models/fashion_mnist.py"
    model.graph.name = "fashion_mnist"
    model.doc_string = ("Pre-activation residual network that sorts 28x28 gray pictures of clothing into the ten "
                        "classes of Fashion-MNIST; the outputs are logits.")
    onnx.helper.set_model_props(model, {
        "fovea.preprocess": json.dumps({"resize": 28, "crop": 28, "mean": [mean], "std": [std], "channels": "gray",
                                        "scale": 255, "interpolation": "bilinear"}),
        "fovea.labels": json.dumps(LABELS)})
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def write_sample_images(folder, images, labels):
    """The first IMAGES_PER_CLASS test images of every class: no picking."""
    folder.mkdir(parents=True, exist_ok=True)
    per_class = [np.flatnonzero(labels == label)[:IMAGES_PER_CLASS] for label in range(len(LABELS))]
    chosen = np.sort(np.concatenate(per_class))
    with open(folder / "labels.csv", "w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["file", "label"])
        for index in chosen:
            name = LABELS[labels[index]].lower().replace("/", "-").replace(" ", "-")
            Image.fromarray(images[index]).save(folder / f"{index:05d}_{name}.png", optimize=True)
            rows.writerow([f"{index:05d}_{name}.png", int(labels[index])])


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--epochs", type=int, default=12)
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--output", type=pathlib.Path, default=ROOT / "models")
    options = arguments.parse_args()
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)

    train_images, train_labels = read_split("train")
    test_images, test_labels = read_split("t10k")
    mean, std = (round(float(v) / 255, 6) for v in (train_images.mean(), train_images.std()))
    network = Network().to(memory_format=torch.channels_last)  # a third faster on CPUs
    print(f"{sum(p.numel() for p in network.parameters())} parameters, mean {mean}, std {std}")
    train(network, normalise(train_images, mean, std), train_labels, options.epochs, background=-mean / std)
    print(f"test accuracy {100 * accuracy(network, normalise(test_images, mean, std), test_labels):.2f} %")

    options.output.mkdir(parents=True, exist_ok=True)
    export(network.to(memory_format=torch.contiguous_format), options.output / "fashion_mnist.onnx", mean, std)
    write_sample_images(options.output / "images", test_images, test_labels.numpy())


if __name__ == "__main__":
    main()
