"""tools/bench --scaling: fovea's time and memory against size, batch, number of images and threads, as tables."""
import json
import os

from measuring import fovea_bench, helper, start
from tables import milliseconds, table, write

SIZES = 112, 224, 448, 640, 1024
BATCHES = 1, 2, 4, 8, 16, 32
IMAGES = 10, 100, 1000
NETWORK, ERF_NETWORK = 'resnet50', 'resnet18'


class Scaling:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.threads, self.numbers = options.threads, []

    def bench(self, model, threads, *more):
        done = fovea_bench(self.options.fovea, model, threads, self.options.seconds, *more)
        return done.document()['min_ms'], done.memory

    def against(self, title, what, values, per, measure, unit):
        """Rows of a value, the time per piece of work and the memory, for each number of threads."""
        head = [what]
        for threads in self.threads:
            head += [f'{threads}T {unit}', f'{unit}/{per[0]}', 'MB']
        rows = []
        print('|', ' | '.join(head), '|', flush=True)
        for value in values:
            cells = [str(value)]
            for threads in self.threads:
                time, memory = measure(value, threads)
                self.numbers.append({'what': title, 'at': value, 'threads': threads, unit: time, 'memory': memory})
                cells += [milliseconds(time), milliseconds(time / per[1](value)), f'{memory:.0f}']
            rows.append(cells)
            print('|', ' | '.join(cells), '|', flush=True)
        return table(head, rows)

    def free(self, name):
        path = os.path.join(self.options.models, name + '_free.onnx')
        if not os.path.exists(path):
            helper('networks.py', self.options.models, name, '_free')
        return path

    def sizes(self, title, *more):
        model = self.free(NETWORK)
        return self.against(title, 'side', SIZES, ('megapixel', lambda side: side * side * 1e-6),
                            lambda side, threads: self.bench(model, threads, '-s', f'1,3,{side},{side}', *more), 'ms')

    def gradient_sizes(self, title):
        return self.sizes(title, '--gradient')

    def batches(self, title):
        model = self.free(NETWORK)
        return self.against(title, 'images at once', BATCHES, ('image', lambda batch: batch),
                            lambda batch, threads: self.bench(model, threads, '-s', f'{batch},3,224,224'), 'ms')

    def erf(self, images, threads):
        done = start([self.options.fovea, 'erf', self.free(ERF_NETWORK), '--images', self.pictures(images), '-t', threads, '-q',
                      '-o', os.path.join(self.folder, 'field'), '--force'], threads)
        return done.seconds, done.memory

    def pictures(self, count):
        path = os.path.join(self.folder, f'{count}.npy')
        if not os.path.exists(path):
            helper('arrays.py', 'noise', f'{count},3,224,224', path)
        return path

    def images(self, title):
        return self.against(title, 'images', IMAGES, ('image', lambda images: images), self.erf, 's')


def run(options, folder, machine):
    scaling, text = Scaling(options, folder), [f'{machine.date}, {machine.cpu} ({machine.level}, {machine.cores} cores).', '']
    for title, tabulate in (
            (f'{NETWORK}, forward, one image of side x side', scaling.sizes),
            (f'{NETWORK}, forward and input gradient, one image of side x side', scaling.gradient_sizes),
            (f'{NETWORK}, forward, images of 224 x 224', scaling.batches),
            (f'{ERF_NETWORK}, erf from start to exit over images of 224 x 224', scaling.images)):
        print(title, flush=True)
        text += [f'**{title}**', '', *tabulate(title), '']
    if options.markdown:
        write(options.markdown, {'scaling': '\n'.join(text).rstrip()}, 'scaling')
    if options.json:
        with open(options.json, 'w') as file:
            json.dump({'machine': machine.__dict__, 'scaling': scaling.numbers}, file, indent=1)
