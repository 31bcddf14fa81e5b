"""Processes of tools/bench: each measurement is one, in a clean environment."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

FOLDER = os.path.dirname(os.path.abspath(__file__))
PYTHON = '/usr/bin/python3' if os.path.exists('/usr/bin/python3') else sys.executable


class Failed(Exception):
    pass


def environment(threads):
    """Without what slows OpenBLAS down, and with as many threads as asked for, whichever library reads the number."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(('OPENBLAS_', 'OMP_', 'GOMP_', 'MKL_'))}
    for name in ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS'):
        clean[name] = str(threads)
    clean['GOMP_SPINCOUNT'] = '1000'
    return clean


class Finished:
    """What a process said, how long it lived, the most memory that it held (MB)."""

    def __init__(self, output, seconds, memory):
        self.output, self.seconds, self.memory = output, seconds, memory

    def document(self):
        return json.loads(self.output)


def start(command, threads, **more):
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as failed:
        begun = time.perf_counter()
        process = subprocess.Popen(list(map(str, command)), stdout=said, stderr=failed, env={**environment(threads), **more})
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        failed.seek(0)
        if process.returncode:
            lines = failed.read().decode(errors='replace').strip().splitlines()
            raise Failed(f'{os.path.basename(command[0])}: {lines[-1] if lines else process.returncode}')
        return Finished(said.read().decode(), seconds, usage.ru_maxrss / 1024)


def helper(script, *arguments):
    return start([PYTHON, os.path.join(FOLDER, script), *arguments], os.cpu_count()).output


def fovea_bench(program, model, threads, seconds, *more):
    """`fovea bench` after one run to warm up, as many runs as the seconds hold."""
    return start([program, 'bench', model, '-t', threads, '-w', 1, '-r', 100000, '--seconds', seconds, '-q', '--json',
                  *more], threads)


def first_line(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return None


def torch_version():
    return first_line(PYTHON, '-c', 'import torch, torchvision; print(torch.__version__)')


def onnx_runtime_version(folder):
    """None where there is none."""
    if not folder or not shutil.which('node'):
        return None
    try:
        with open(os.path.join(folder, 'node_modules/onnxruntime-node/package.json')) as file:
            return json.load(file)['version']
    except OSError:
        return None
