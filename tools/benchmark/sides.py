"""Who is timed: how fovea and each of the others is asked for a work on a network."""
import os
import statistics

import measuring
from measuring import FOLDER, PYTHON, Failed, fovea_bench, helper, start


class Work:
    def __init__(self, title, batch=1):
        self.title, self.batch = title, batch


WORKS = {
    'forward': Work('forward'),
    'forward8': Work('forward, 8 images', 8),
    'erf': Work('ERF'),
    'train': Work('training step', 8),
    'start': Work('start to exit'),
}
TITLES = {'fovea': 'fovea', 'onnxruntime': 'ONNX Runtime', 'torch': 'PyTorch', 'against': 'the other fovea'}
LEAST_RUNS = 3  # as all sides have it
TRAIN_BATCH = {'resnet18': 16, 'deeplabv3_513': 2}
WITHOUT_BATCH_NORM = 'resnet50_gn', 'vgg16', 'convnext_tiny', 'swin_t', 'vit_b_16'  # trained as they are inferred


def batch_of(network, work):
    return TRAIN_BATCH.get(network, WORKS[work].batch) if work == 'train' else WORKS[work].batch


def taken(times, memory):
    return {'min': min(times), 'median': statistics.median(times), 'runs': len(times), 'memory': memory}


def repeated_starts(options, once):
    """Whole processes until the time is over; `once` gives one's milliseconds and memory."""
    times, memories = [], []
    while len(times) < LEAST_RUNS or sum(times) < 1e3 * options.seconds:
        time, memory = once()
        times.append(time)
        memories.append(memory)
    return taken(times, max(memories))


class Side:
    works = ()

    def does(self, work):
        return work in self.works


class Fovea(Side):
    works = tuple(WORKS)

    def __init__(self, options, program, name='fovea'):
        self.options, self.program, self.name = options, program, name

    def bench(self, case, *more):
        made = fovea_bench(self.program, case.model, case.threads, self.options.seconds, *more)
        numbers = made.document()
        return {'min': numbers['min_ms'], 'median': numbers['median_ms'], 'runs': numbers['runs'], 'memory': made.memory}

    def start_to_exit(self, case):
        done = start([self.program, 'run', case.model, '-i', case.input, '-t', case.threads, '-q', '-o',
                      self.folder(case)], case.threads)
        return 1e3 * done.seconds, done.memory

    def run(self, case):
        if case.work == 'start':
            return repeated_starts(self.options, lambda: self.start_to_exit(case))
        if case.work == 'train':
            return self.bench(case, '--train', '-b', case.batch)
        return self.bench(case, '-i', case.input, *(['--gradient'] if case.work == 'erf' else []))

    def folder(self, case):
        return os.path.join(case.folder, self.name)

    def result(self, case):
        """The path of what it computed; None: there is nothing to compare."""
        if case.work == 'train':
            return None
        if case.work == 'erf':
            start([self.program, 'erf', case.model, '-i', case.input, '-t', case.threads, '-q', '-o', self.folder(case),
                   '--force'], case.threads)
            return os.path.join(self.folder(case), 'erf.npy')
        self.start_to_exit(case)
        return os.path.join(self.folder(case), 'output.npy')


class Torch(Side):
    name, works = 'torch', ('forward', 'forward8', 'erf', 'train')

    def __init__(self, options):
        self.options = options

    def run(self, case):
        if not os.path.exists(os.path.join(self.options.models, case.network + '.pth')):
            raise Failed(f'{case.network}.pth is not there')
        work = 'forward' if case.work == 'forward8' else case.work
        done = start([PYTHON, os.path.join(FOLDER, 'with_torch.py'), work, case.network, self.options.models, case.input,
                      case.batch, case.threads, self.options.seconds, self.result(case)], case.threads)
        return taken(done.document()['ms'], done.memory)

    def result(self, case):
        return os.path.join(case.folder, 'torch.npy')


class OnnxRuntime(Side):
    name, works = 'onnxruntime', ('forward', 'forward8', 'start')

    def __init__(self, options, machine):
        self.options, self.machine = options, machine

    def node(self, case, seconds):
        return start(['node', os.path.join(FOLDER, 'with_onnx_runtime.js'), case.model, case.input, case.batch, case.threads,
                      seconds, self.path(case)], case.threads, ORT=self.options.ort)

    def start_to_exit(self, case):
        done = self.node(case, 0)
        return 1e3 * done.seconds - self.machine.node_ms, done.memory - self.machine.node_memory

    def run(self, case):
        if case.work == 'start':
            return repeated_starts(self.options, lambda: self.start_to_exit(case))
        done = self.node(case, self.options.seconds)
        return taken(done.document()['ms'], done.memory - self.machine.node_memory)

    def path(self, case):
        return os.path.join(case.folder, 'onnxruntime.npy')

    def result(self, case):
        self.node(case, 0)
        return self.path(case)


def present(options, machine):
    """fovea and who is there beside it; what is not there is a remark of the machine's."""
    tools = [Fovea(options, options.fovea)]
    if options.against:
        return tools + [Fovea(options, options.against, 'against')]
    for name, version, tool in (('onnxruntime', machine.onnxruntime, lambda: OnnxRuntime(options, machine)),
                                ('torch', machine.torch, lambda: Torch(options))):
        if version and name in options.peers:
            tools.append(tool())
        elif name in options.peers:
            machine.remarks.append(f'without {name}, which is not there: --help says what it takes')
    return tools


def model_of(options, case):
    """Its path, or None; and the form that is made where there is none."""
    forms = {'forward8': ('_dyn',), 'train': ('_train', '_bn')}.get(case.work, ('',))
    if case.work == 'train' and case.network in WITHOUT_BATCH_NORM:
        forms = '_dyn',
    paths = [os.path.join(options.models, case.network + form + '.onnx') for form in forms]
    return next((path for path in paths if os.path.exists(path)), None), forms[0]


def prepare(options, case, folder):
    """The case's model and image; made where they are missing. Where they cannot be made the case fails, said."""
    image = os.path.join(options.models, case.network + '_in.npy')
    case.folder, case.batch = folder, batch_of(case.network, case.work)
    case.model, form = model_of(options, case)
    if not case.model or not os.path.exists(image):
        print(helper('networks.py', options.models, case.network, form), end='')
        case.model, _ = model_of(options, case)
    case.input = image
    if case.work == 'forward8':
        case.input = os.path.join(folder, f'{case.network}_{case.batch}.npy')
        if not os.path.exists(case.input):
            helper('arrays.py', 'repeat', image, case.batch, case.input)


def compare(case, tools):
    """How far fovea's result is from each other's, over the other's largest value: a fast wrong answer is none."""
    if case.work == 'train' or case.failed:
        return
    ours = tools[0].result(case)
    for tool in tools[1:]:
        case.differences[tool.name] = float(helper('arrays.py', 'difference', ours, tool.result(case)))
