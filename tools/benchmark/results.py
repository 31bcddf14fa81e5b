"""What tools/bench measured, on which machine."""
import datetime
import json
import math
import os
import platform
import statistics

import measuring
import sides


class Machine:
    def __init__(self, **known):
        self.remarks = []
        self.__dict__.update(known)

    def lines(self):
        """What a table of these numbers has to say."""
        beside = [f'{sides.TITLES[name]} {version}' for name, version in (('onnxruntime', self.onnxruntime), ('torch', self.torch)) if version]
        yield f'{self.date}, {self.cpu} ({self.level}, {self.cores} cores); {", ".join([self.fovea] + beside)}'
        if self.node_ms:
            yield f'node alone, which is subtracted: {self.node_ms:.0f} ms from start to exit, {self.node_memory:.0f} MB'
        yield from self.remarks


def cpu_name():
    try:
        with open('/proc/cpuinfo') as file:
            return next(line.split(':', 1)[1].strip() for line in file if line.startswith('model name'))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def machine(options):
    bare = []
    version = measuring.onnx_runtime_version(options.ort)
    if version:
        bare = [measuring.start(['node', '-e', '0'], 1) for _ in range(7)]
    return Machine(
        date=datetime.date.today().isoformat(), cpu=cpu_name(), cores=len(os.sched_getaffinity(0)),
        level=level(options.fovea), fovea=measuring.first_line(options.fovea, '--version'), onnxruntime=version,
        torch=measuring.torch_version(), node_ms=1e3 * min((run.seconds for run in bare), default=0),
        node_memory=statistics.median(run.memory for run in bare) if bare else 0)


def level(program):
    model = os.path.join(os.path.dirname(measuring.FOLDER), '../models/fashion_mnist.onnx')
    run = measuring.start([program, 'bench', model, '-r', 1, '-q', '--json'], 1)
    return {'none': 'plain C'}.get(run.document()['cpu'], run.document()['cpu'])


class Case:
    """One work on one network with so many threads: of every side its runs, and how far fovea's result is from its."""
    KEPT = 'network', 'work', 'threads', 'batch', 'runs', 'failed', 'differences'

    def __init__(self, network, work, threads):
        self.network, self.work, self.threads = network, work, threads
        self.batch, self.runs, self.failed, self.differences = sides.batch_of(network, work), {}, {}, {}

    def key(self):
        return self.network, self.work, self.threads

    def add(self, tool, run):
        self.runs.setdefault(tool, []).append(run)

    def number(self, tool, what):
        """The least of the minima; the median of the medians; the most memory."""
        runs = [run[what] for run in self.runs.get(tool, [])]
        return {'min': min, 'median': statistics.median, 'memory': max}[what](runs) if runs else None

    def ratio(self, tool, what='min'):
        ours, theirs = self.number('fovea', what), self.number(tool, what)
        return ours / theirs if ours and theirs and theirs > 0 else None


class Results:
    def __init__(self, options, machine):
        self.machine, self.path, self.cases = machine, options.json, {}
        if options.go_on and self.path and os.path.exists(self.path):
            with open(self.path) as file:
                document = json.load(file)
            self.machine.__dict__.update(document['machine'])
            for kept in document['cases']:
                case = Case(kept['network'], kept['work'], kept['threads'])
                case.__dict__.update(kept)
                self.cases[case.key()] = case

    def has(self, case):
        return case.key() in self.cases

    def find(self, case):
        return self.cases[case.key()]

    def add(self, case):
        self.cases[case.key()] = case
        if self.path:
            cases = [{name: getattr(case, name) for name in Case.KEPT} for case in self.cases.values()]
            with open(self.path + '.part', 'w') as file:
                json.dump({'machine': self.machine.__dict__, 'cases': cases}, file, indent=1)
            os.replace(self.path + '.part', self.path)

    def of(self, network=None, work=None, threads=None):
        return [case for case in self.cases.values() if network in (None, case.network) and work in (None, case.work)
                and threads in (None, case.threads)]

    def distinct(self, what):
        return list(dict.fromkeys(getattr(case, what) for case in self.cases.values()))

    def mean_ratio(self, tool, what, **which):
        """Geometric mean, and of how many."""
        ratios = [case.ratio(tool, what) for case in self.of(**which)]
        logarithms = [math.log(ratio) for ratio in ratios if ratio]
        return (math.exp(statistics.mean(logarithms)) if logarithms else None), len(logarithms)
