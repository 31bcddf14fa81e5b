#!/usr/bin/python3
"""What tools/bench does with arrays, in a process of its own: what its own process once held would count as memory of
those that it starts.

    arrays.py repeat IN.npy TIMES OUT.npy     the images, so often
    arrays.py noise N,C,H,W OUT.npy
    arrays.py difference A.npy B.npy          the largest difference over B's largest absolute value"""
import sys

import numpy


def repeat(source, times, target):
    numpy.save(target, numpy.repeat(numpy.load(source), int(times), 0))


def noise(shape, target):
    """Image by image: there may be more than memory holds."""
    shape, random = tuple(map(int, shape.split(','))), numpy.random.default_rng(0)
    array = numpy.lib.format.open_memmap(target, 'w+', numpy.float32, shape)
    for image in array:
        image[:] = random.standard_normal(shape[1:], numpy.float32)


def difference(left, right):
    a, b = numpy.load(left), numpy.load(right)
    if a.size != b.size:
        sys.exit(f'{a.shape} against {b.shape}')
    print(float(numpy.abs(a.ravel() - b.ravel()).max() / numpy.abs(b).max()))


{'repeat': repeat, 'noise': noise, 'difference': difference}[sys.argv[1]](*sys.argv[2:])
