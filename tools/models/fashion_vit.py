#!/usr/bin/python3
"""Writes models/fashion_vit.onnx, a small vision transformer as it is before training, for `fovea tune` to train.

    apt-get install python3-torch python3-onnx
    /usr/bin/python3 tools/models/fashion_vit.py          # seconds; models/README.md has the command that trains it

49 patches of 4 x 4 pixels and a class token, learned positions, pre-norm blocks. The seed is fixed.
"""
import argparse
import io
import json
import pathlib

import onnx
import torch
from torch import nn

from fashion_mnist import LABELS, ROOT

MEAN, STD = 0.286041, 0.353024  # of the training images
SIZE, PATCH = 28, 4


class Block(nn.Module):
    """x + attention(LN x), then x + MLP(LN x)."""

    def __init__(self, width, heads, hidden):
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.qkv = nn.Linear(width, 3 * width)
        self.projection = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.enlarge = nn.Linear(width, hidden)
        self.reduce = nn.Linear(hidden, width)

    def attend(self, x):
        tokens, width = x.shape[1], x.shape[2]
        qkv = self.qkv(x).reshape(-1, tokens, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        query, key, value = qkv[0], qkv[1], qkv[2]
        weights = (query @ key.transpose(-2, -1) * (width // self.heads) ** -0.5).softmax(-1)
        return self.projection((weights @ value).transpose(1, 2).reshape(-1, tokens, width))

    def forward(self, x):
        x = x + self.attend(self.norm1(x))
        return x + self.reduce(nn.functional.gelu(self.enlarge(self.norm2(x))))


class Network(nn.Module):
    """N x 1 x 28 x 28 -> N x 10 logits, read from the class token."""

    def __init__(self, width, depth, heads, hidden):
        super().__init__()
        self.patches = nn.Conv2d(1, width, PATCH, PATCH)
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(torch.zeros(1, (SIZE // PATCH) ** 2 + 1, width))
        self.blocks = nn.Sequential(*(Block(width, heads, hidden) for _ in range(depth)))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.head = nn.Linear(width, len(LABELS))
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=width ** -0.5)
                nn.init.zeros_(module.bias)
        nn.init.trunc_normal_(self.token, std=0.02)
        nn.init.trunc_normal_(self.positions, std=0.02)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.positions
        return self.head(self.norm(self.blocks(x))[:, 0])


def export(network, path):
    """In training mode, so that weights that are still equal are not stored as one, which would then train as one."""
    buffer = io.BytesIO()
    torch.onnx.export(network.train(), torch.zeros(2, 1, SIZE, SIZE), buffer, opset_version=17,
                      training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False,
                      input_names=["image"], output_names=["logits"],
                      dynamic_axes={"image": {0: "N"}, "logits": {0: "N"}})
    model = onnx.load_from_string(buffer.getvalue())
    model.producer_name = "fovea tools/models/fashion_vit.py"
    model.graph.name = "fashion_vit"
    model.doc_string = ("Untrained vision transformer for 28x28 gray pictures of clothing in the ten classes of "
                        "Fashion-MNIST; the outputs are logits.")
    onnx.helper.set_model_props(model, {
        "fovea.preprocess": json.dumps({"resize": SIZE, "crop": SIZE, "mean": [MEAN], "std": [STD], "channels": "gray",
                                        "scale": 255, "interpolation": "bilinear"}),
        "fovea.labels": json.dumps(LABELS)})
    onnx.checker.check_model(model, full_check=True)
    parameters = sum(1 for _ in network.parameters())
    assert sum(t.name in dict(network.named_parameters()) or t.name.startswith("onnx::MatMul")
               for t in model.graph.initializer) == parameters, "weights were merged"
    onnx.save(model, path)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--width", type=int, default=48)
    arguments.add_argument("--depth", type=int, default=4)
    arguments.add_argument("--heads", type=int, default=3)
    arguments.add_argument("--hidden", type=int, default=96)
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--output", type=pathlib.Path, default=ROOT / "models" / "fashion_vit.onnx")
    options = arguments.parse_args()
    torch.manual_seed(options.seed)
    network = Network(options.width, options.depth, options.heads, options.hidden)
    export(network, options.output)
    print(f"{sum(p.numel() for p in network.parameters())} parameters, {options.output.stat().st_size} bytes")


if __name__ == "__main__":
    main()
