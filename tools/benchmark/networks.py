#!/usr/bin/python3
"""The networks that tools/bench times: torchvision's, with random weights of a fixed seed.

    networks.py FOLDER NETWORK FORM    writes what is missing there

Of a network X: X.pth (weights), X_in.npy (an image), and X + FORM + .onnx, where FORM is '' (batch 1), _dyn (free batch),
_train (free batch, BatchNormalization in training mode) or _free (free batch and size)."""
import os
import sys
import warnings

import numpy
import torch
import torchvision
from torch import nn
from torchvision import models

OPSET = 17


class Segments(nn.Module):
    """The scores of the pixels alone."""

    def __init__(self):
        super().__init__()
        self.network = models.segmentation.deeplabv3_resnet50(weights=None, weights_backbone=None, aux_loss=None)

    def forward(self, image):
        return self.network(image)['out']


def group_normalised():
    return models.resnet50(weights=None, norm_layer=lambda channels: nn.GroupNorm(32, channels))


class Network:
    """How a network is made, the side of its image, and the module whose result its head reads: what `fovea erf` looks at
    (after: what happens to it before)."""

    def __init__(self, make, features, side=224, after=lambda result: result):
        self.make, self.features, self.side, self.after = make, features, side, after


def torchvision_network(name, features, **more):
    return Network(lambda: getattr(models, name)(weights=None), features, **more)


def channels_first(result):
    return result.permute(0, 3, 1, 2)


def token_map(result):
    """Tokens behind the class token as a map."""
    tokens = result[:, 1:].transpose(1, 2)
    side = round(tokens.shape[2] ** 0.5)
    return tokens.reshape(tokens.shape[0], tokens.shape[1], side, side)


NETWORKS = {
    'resnet18': torchvision_network('resnet18', 'layer4'),
    'resnet50': torchvision_network('resnet50', 'layer4'),
    'resnet50_gn': Network(group_normalised, 'layer4'),
    'vgg16': torchvision_network('vgg16', 'avgpool'),
    'densenet121': torchvision_network('densenet121', 'features', after=torch.relu),
    'mobilenet_v2': torchvision_network('mobilenet_v2', 'features'),
    'efficientnet_b0': torchvision_network('efficientnet_b0', 'features'),
    'convnext_tiny': torchvision_network('convnext_tiny', 'features'),
    'swin_t': torchvision_network('swin_t', 'norm', after=channels_first),
    'vit_b_16': torchvision_network('vit_b_16', 'encoder', after=token_map),
    'deeplabv3_513': Network(Segments, 'network.classifier.3', side=513),
}


def images(count, side, seed):
    """Blobs of several sizes and noise, of mean 0 and deviation 1."""
    generator = torch.Generator().manual_seed(seed)
    sum_of = torch.randn(count, 3, side, side, generator=generator) / 4
    for cells in (5, 17, 65):
        blobs = torch.randn(count, 3, cells, cells, generator=generator)
        sum_of = sum_of + nn.functional.interpolate(blobs, (side, side), mode='bilinear', align_corners=True)
    return (sum_of - sum_of.mean()) / sum_of.std()


def norms(network, kinds):
    return [module for module in network.modules() if isinstance(module, kinds)]


def scatter(network):
    """What initialises as one or zero would hide a layer, or fold away: random instead."""
    generator = torch.Generator().manual_seed(11)
    for norm in norms(network, (nn.BatchNorm2d, nn.GroupNorm, nn.LayerNorm)):
        norm.weight.data.uniform_(0.6, 1.2, generator=generator)
        norm.bias.data.normal_(0, 0.1, generator=generator)
    for name, parameter in network.named_parameters():
        if name.endswith('layer_scale'):
            parameter.data.uniform_(0.1, 0.4, generator=generator)
        elif name.endswith('class_token') or parameter.abs().max() == 0 and parameter.ndim > 1:
            parameter.data.normal_(0, 0.02, generator=generator)


def calibrate(network, side):
    """BatchNormalization's statistics become those of some images, so that activations keep their size."""
    batch_norms = norms(network, nn.BatchNorm2d)
    network.eval()
    for norm in batch_norms:
        norm.reset_running_stats()
        norm.momentum = None  # the mean over all batches
        norm.train()
    for seed in (21, 22):
        if batch_norms:
            network(images(4, min(side, 257), seed))
    network.eval()


def fresh(name):
    torch.manual_seed(0)
    network = NETWORKS[name].make()
    with torch.no_grad():
        scatter(network)
        calibrate(network, NETWORKS[name].side)
    return network.eval()


def loaded(folder, name):
    """The network with the folder's weights, which may be those of a module around or inside of ours."""
    network = NETWORKS[name].make()
    weights = torch.load(os.path.join(folder, name + '.pth'))
    ours = list(network.state_dict())
    network.load_state_dict(dict(zip(ours, weights.values())) if list(weights) != ours else weights)
    return network.eval()


def export(network, image, path, free=(), training=False):
    axes = {axis: 'NCHW'[axis] for axis in free}
    for norm in norms(network, nn.BatchNorm2d):
        norm.train(training)
    mode = torch.onnx.TrainingMode.PRESERVE if training else torch.onnx.TrainingMode.EVAL
    torch.onnx.export(network, image, path + '.part', opset_version=OPSET, input_names=['input'], output_names=['output'],
                      dynamic_axes={'input': axes, 'output': {0: 'N'}} if free else None, training=mode,
                      do_constant_folding=not training)
    os.rename(path + '.part', path)
    network.eval()


FORMS = {  # name behind the network's: which axes are free, training or not
    '': ((), False),
    '_dyn': ((0,), False),
    '_train': ((0,), True),
    '_free': ((0, 2, 3), False),
}


def main():
    warnings.filterwarnings('ignore')
    folder, name, form = sys.argv[1:]
    path = os.path.join(folder, name)
    os.makedirs(folder, exist_ok=True)
    if not os.path.exists(path + '.pth'):
        torch.save(fresh(name).state_dict(), path + '.pth')
    if not os.path.exists(path + '_in.npy'):
        numpy.save(path + '_in.npy', images(1, NETWORKS[name].side, 1).numpy())
    if not os.path.exists(path + form + '.onnx'):
        print('exporting', path + form + '.onnx')
        image = torch.from_numpy(numpy.load(path + '_in.npy'))
        free, training = FORMS[form]
        export(loaded(folder, name), image.repeat(2, 1, 1, 1) if training else image, path + form + '.onnx', free, training)


if __name__ == '__main__':
    main()
