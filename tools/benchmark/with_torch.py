#!/usr/bin/python3
"""PyTorch's side of tools/bench: one work on one network, in a process of its own.

    with_torch.py WORK NETWORK FOLDER INPUT.npy BATCH THREADS SECONDS RESULT.npy

WORK is forward, erf or train. Prints {"ms": [...]} and writes the result of the forward pass, or of erf the field as
fovea writes it: the positive part of the channels' mean gradient."""
import json
import sys
import time
import warnings

import numpy
import torch

from networks import NETWORKS, loaded

LEAST_RUNS = 3


def forward(network, name, image):
    def step():
        with torch.inference_mode():
            return network(image)
    return step


def erf(network, name, image):
    """The gradient of the central unit of what the head reads, mean of its channels."""
    kept, what = {}, NETWORKS[name]
    network.get_submodule(what.features).register_forward_hook(lambda module, given, result: kept.update(map=result))

    def step():
        pixels = image.detach().requires_grad_(True)
        network(pixels)
        features = what.after(kept['map'])
        height, width = features.shape[2:]
        score = features[0, :, (height - 1) // 2, (width - 1) // 2].mean()
        return torch.autograd.grad(score, pixels)[0].mean(1).clamp(min=0)[0]
    return step


def train(network, name, image):
    network.train()
    optimiser = torch.optim.SGD(network.parameters(), 1e-4, 0.9)
    scores = network(image)
    target = torch.zeros((image.shape[0],) + tuple(scores.shape[2:]), dtype=torch.long)
    del scores

    def step():
        optimiser.zero_grad(set_to_none=True)
        torch.nn.functional.cross_entropy(network(image), target).backward()
        optimiser.step()
    return step


def main():
    warnings.filterwarnings('ignore')
    work, name, folder, given, batch, threads, seconds, result = sys.argv[1:]
    torch.set_num_threads(int(threads))
    torch.set_num_interop_threads(1)
    image = torch.from_numpy(numpy.load(given))
    image = image.repeat(int(batch) // image.shape[0], 1, 1, 1).contiguous()
    step = {'forward': forward, 'erf': erf, 'train': train}[work](loaded(folder, name), name, image)
    made = step()
    times, started = [], time.perf_counter()
    while len(times) < LEAST_RUNS or time.perf_counter() - started < float(seconds):
        before = time.perf_counter()
        step()
        times.append(1e3 * (time.perf_counter() - before))
    if made is not None:
        numpy.save(result, made.numpy())
    print(json.dumps({'ms': times}))


main()
