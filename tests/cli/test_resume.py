#!/usr/bin/env python3
"""What is cut off goes on: tune is killed, and ends with the bytes of a run that was not.

Usage: test_resume.py FOVEA SOURCE_FOLDER [--kills N] [--system-calls] [--seed N]
  --kills N       so many kills of each run (default 4)
  --system-calls  and one at every system call that changes files (needs strace)
"""
import argparse
import hashlib
import json
import pathlib
import random
import shutil
import signal
import struct
import subprocess
import tempfile
import time

parser = argparse.ArgumentParser()
parser.add_argument("fovea", type=pathlib.Path)
parser.add_argument("source", type=pathlib.Path)
parser.add_argument("--kills", type=int, default=4)
parser.add_argument("--system-calls", action="store_true")
parser.add_argument("--seed", type=int, default=1)
arguments = parser.parse_args()
fovea, source = arguments.fovea.resolve(), arguments.source.resolve()
random.seed(arguments.seed)
work = pathlib.Path(tempfile.mkdtemp(prefix="fovea-test-resume-"))
failures = []

PREFIX = 40  # bytes of a checkpoint before its head: magic, format, order, two lengths
BASE = ["tune", "models/fashion_mnist.onnx", "--data", "models/images", "-b", "20", "--seed", "5", "-q"]
RUNS = {
    "augmented": ["-e", "3", "--flip", "0.5", "--padding", "2", "--mixup", "0.4", "--rate", "0.02", "--checkpoint-every", "2"],
    "accumulated": ["-e", "3", "--optimizer", "adamw", "--accumulate", "3", "--clip", "1", "--new-head", "10",
                    "--checkpoint-every", "1", "--keep", "3"],
    "compared": ["-e", "2", "--seeds", "2", "--control", "models/fashion_mnist.onnx", "--samples", "80", "--new-head", "10",
                 "--checkpoint-every", "3"],
    "unvalidated": ["-e", "2", "--no-validation", "--momentum", "0", "--accumulate", "2", "--samples", "100", "--freeze", "*bias"],
}


def fail(text):
    failures.append(text)


def command(folder, options):
    return [str(fovea), *BASE, *options, "-o", str(folder / "new.onnx"), f"--json={folder / 'new.json'}",
            "--history", str(folder / "new.jsonl")]


def start(folder, options, before=()):
    return subprocess.Popen([*before, *command(folder, options)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            cwd=source, stdin=subprocess.DEVNULL, errors="replace")


def finish(process, code, what):
    out, err = process.communicate()
    if process.returncode != code:
        fail(f"{what}: exit code {process.returncode}, not {code}: {err[-300:]}")
    return out + err


def new_folder(name):
    folder = work / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def untimed(epoch):
    return {key: value for key, value in epoch.items() if key not in ("seconds", "images_per_second")}


def results(folder):
    """All that a run leaves, but for times, where it was resumed from, and the command line."""
    document = json.loads((folder / "new.json").read_text())
    document.pop("resumed_from")
    document["epochs"] = [untimed(epoch) for epoch in document["epochs"]]
    history = [untimed(json.loads(line)) for line in (folder / "new.jsonl").read_text().splitlines()]
    return [(folder / "new.onnx").read_bytes(), (folder / "new.last.onnx").read_bytes(), document, history]


def compare(folder, expected, what):
    names = sorted(path.name for path in folder.iterdir())
    if names != ["new.json", "new.jsonl", "new.last.onnx", "new.onnx"]:
        fail(f"{what}: it leaves {' '.join(names)}")
        return
    for name, one, other in zip(("file", "last", "JSON", "history"), results(folder), expected):
        if one != other:
            fail(f"{what}: another {name} than of a run that was not cut off")


def reference(name, options):
    folder = new_folder(name)
    begun = time.monotonic()
    finish(start(folder, options), 0, name)
    return results(folder), time.monotonic() - begun


def resumed_to_the_end(folder, options, what, threads="2"):
    text = finish(start(folder, [*options, "--resume", "--threads", threads]), 0, f"{what}, resumed")
    return text


def killed_at_random(name, options, kills):
    """Killed again and again, on one thread and on two, until it comes to its end."""
    expected, seconds = reference(name, options)
    number = 0
    while number < kills:
        folder = new_folder("killed")
        for attempt in range(4):
            process = start(folder, [*options, "--resume", "--threads", str(1 + attempt % 2)])
            try:
                process.wait(random.uniform(0.02, 1.05 * seconds))
                break
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                number += 1
        if (folder / "new.json").exists() and not (folder / "new.onnx.checkpoint").exists():
            process.communicate()  # killed on the way out, or never
        else:
            resumed_to_the_end(folder, options, f"{name}, killed")
        compare(folder, expected, f"{name}, killed {attempt} times")
    return expected


def killed_at_system_calls(name, options, expected):
    for call, step in (("linkat", 1), ("link", 1), ("rename", 1), ("renameat2", 1), ("unlink", 1), ("fsync", 1), ("ftruncate", 1),
                       ("write", 23)):
        for number in range(1, 100000, step):
            folder = new_folder("called")
            before = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e",
                      f"inject={call}:signal=SIGKILL:when={number}"]
            process = start(folder, options, before)
            process.communicate()
            if process.returncode == 0:
                break
            if (folder / "new.onnx").exists() and not (folder / "new.onnx.checkpoint").exists():
                if not (folder / "new.json").exists():
                    fail(f"{name}, killed at {call} {number}: no checkpoint stands beside what it wrote")
                continue
            resumed_to_the_end(folder, options, f"{name}, killed at {call} {number}")
            for path in folder.glob(".*.tmp"):
                path.unlink()
            compare(folder, expected, f"{name}, killed at {call} {number}")
        print(f"{name}: killed at {(number - 1) // step} calls of {call}", flush=True)


def cut_off(folder, options):
    """A run that was killed once its checkpoint was there."""
    process = start(folder, options)
    while process.poll() is None and not (folder / "new.onnx.checkpoint").exists():
        time.sleep(0.002)
    process.kill()
    process.communicate()
    if not (folder / "new.onnx.checkpoint").exists():
        fail("it was over before it could be killed")


def refused(folder, options, words):
    text = finish(start(folder, options), 2, f"refusal '{words}'")
    if words not in text or len(text.splitlines()) != 1:
        fail(f"'{words}' is not what is said: {text[-300:]}")


def differences():
    """What is not the same run is refused by name; what may differ is not."""
    options = [*RUNS["augmented"], "--resume"]
    folder = new_folder("differs")
    cut_off(folder, options)
    checkpoint = (folder / "new.onnx.checkpoint").read_bytes()
    refused(folder, options[:-1], "go on with it by --resume, or start anew with --force")
    for changed, words in ((["--rate", "0.03"], "is of a run with --rate 0.02, here it is 0.03"),
                           (["-e", "4"], "of a run with --epochs 3, here it is 4"),
                           (["-b", "10"], "of a run with -b 20, here it is 10"),
                           (["--seed", "6"], "other data"),
                           (["--optimizer", "adamw"], "--optimizer"),
                           (["--rate-of", "*=0.5"], "--rate-of"),
                           (["--control", "models/fashion_mnist.onnx"], "another --control"),
                           (["--data", "/usr/share/datasets/fashion-mnist"], "other data"),
                           (["--mean", "0.5", "--channels", "gray"], "--preprocess"),
                           (["--no-winograd"], "--no-winograd")):
        if changed[0] == "--data" and not pathlib.Path(changed[1]).exists():
            continue
        refused(folder, [*options, *changed], words)
    if (folder / "new.onnx.checkpoint").read_bytes() != checkpoint:
        fail("a refused run changed the checkpoint")
    text = finish(start(folder, [*options, "--threads", "1", "--loaders", "1", "--checkpoint-every", "1s", "--cpu", "none"]), 0,
                  "another instruction set")
    if "this run goes on with none" not in text:
        fail(f"another instruction set is not told: {text[-300:]}")


def files():
    """Damaged, missing, of others."""
    options = [*RUNS["augmented"], "--resume"]
    folder = new_folder("damaged")
    cut_off(folder, options)
    path = folder / "new.onnx.checkpoint"
    whole = path.read_bytes()
    steps = 2 * arguments.kills
    for length in (0, 15, 39, 100, len(whole) - 1, *range(97, len(whole), len(whole) // steps)):
        path.write_bytes(whole[:length])
        refused(folder, options, "new.onnx.checkpoint: is ")
    for place in (0, 17, 25, 60, len(whole) - 3, *range(41, len(whole), len(whole) // steps)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1:])
        refused(folder, options, "new.onnx.checkpoint: is ")
    path.unlink()
    shutil.rmtree(folder)
    folder.mkdir()
    text = finish(start(folder, options), 0, "no checkpoint")
    if "is not there: training starts anew" not in text:
        fail(f"that there is no checkpoint is not said: {text[-300:]}")
    refused(folder, options, "there is no checkpoint to go on from")
    for bad in ("x", "-1", "5m"):
        refused(folder, [*options[:-1], "--force", "--checkpoint-every", bad], "--checkpoint-every takes")
    finish(start(folder, [*options[:-1], "--force", "--checkpoint-every", "0"]), 0, "no checkpoints")


def forged(whole, change):
    """The checkpoint with another head, whole by its lengths and its hash."""
    length, body = struct.unpack_from("<QQ", whole, PREFIX - 16)
    head = json.loads(whole[PREFIX:PREFIX + length])
    change(head["state"])
    text = json.dumps(head).encode()
    bytes_ = whole[:PREFIX - 16] + struct.pack("<QQ", len(text), body) + text + whole[PREFIX + length:-64]
    return bytes_ + hashlib.sha256(bytes_).hexdigest().encode()


def best_epoch():
    """The file with the best epoch must be the one that the run wrote."""
    options = [*RUNS["augmented"], "--resume"]
    folder = new_folder("best")
    process = start(folder, options)
    begun = None
    while process.poll() is None and (begun is None or (folder / "new.onnx.checkpoint").stat().st_ino == begun):
        if begun is None and (folder / "new.onnx").exists():
            begun = (folder / "new.onnx.checkpoint").stat().st_ino
        time.sleep(0.001)
    process.kill()
    process.communicate()
    if not (folder / "new.onnx.checkpoint").exists():
        return
    checkpoint = (folder / "new.onnx.checkpoint").read_bytes()
    for count in (1, 9, 11):
        (folder / "new.onnx.checkpoint").write_bytes(
            forged(checkpoint, lambda state: state.update(classes=[[1, 1, 1]] * count)))
        text = finish(start(folder, options), 2, "other classes")
        if "it has other classes" not in text.splitlines()[-1]:
            fail(f"other classes are not told: {text[-300:]}")
    (folder / "new.onnx.checkpoint").write_bytes(forged(checkpoint, lambda state: None))
    whole = (folder / "new.onnx").read_bytes()
    (folder / "new.onnx").write_bytes(whole + b"x")
    refused(folder, options, "is not the best epoch's file")
    (folder / "new.onnx").write_bytes(whole)
    resumed_to_the_end(folder, options[:-1], "the best epoch's file put back")


def older():
    options = [*RUNS["accumulated"]]
    folder = new_folder("older")
    process = start(folder, options)
    while process.poll() is None and not (folder / "new.onnx.checkpoint.2").exists():
        time.sleep(0.002)
    process.kill()
    process.communicate()
    names = sorted(path.name for path in folder.glob("*.checkpoint*"))
    if names != ["new.onnx.checkpoint", "new.onnx.checkpoint.1", "new.onnx.checkpoint.2"]:
        fail(f"--keep 3 keeps {' '.join(names)}")
        return
    (folder / "new.onnx.checkpoint.1").rename(folder / "new.onnx.checkpoint")
    resumed_to_the_end(folder, options, "from an older checkpoint")
    compare(folder, results(work / "accumulated"), "from an older checkpoint")


def until(process, condition):
    while process.poll() is None and not condition():
        time.sleep(0.002)


def stopped():
    """Signals end a run behind its step, with a checkpoint, one line and a code of their own."""
    expected = results(work / "augmented")
    options = [*RUNS["augmented"][:-2], "--checkpoint-every", "1000s"]
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)):
        folder = new_folder("stopped")
        process = start(folder, options)
        until(process, (folder / "new.onnx").exists)
        process.send_signal(number)
        text = finish(process, code, f"signal {code - 128}")
        if "go on with --resume" not in text.splitlines()[-1]:
            fail(f"signal {code - 128}: it does not say how to go on: {text[-300:]}")
        resumed_to_the_end(folder, options, f"signal {code - 128}")
        compare(folder, expected, f"signal {code - 128}")
    folder = new_folder("stopped")
    process = start(folder, [*options, "-e", "1000", "--checkpoint-every", "0"])
    until(process, (folder / "new.onnx").exists)
    process.send_signal(signal.SIGINT)
    finish(process, 130, "a signal without checkpoints")
    if (folder / "new.onnx.checkpoint").exists():
        fail("--checkpoint-every 0 leaves a checkpoint")
    process = subprocess.Popen([fovea, "eval", "models/fashion_vit.onnx", "--data", "models/images", "--corrupt", "all", "-q"],
                               cwd=source, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    if process.communicate()[0] and process.returncode == 143:
        fail("a verb that was stopped prints results")
    if process.returncode != 143:
        fail(f"a verb that was stopped ends with {process.returncode}")


def full():
    """A file that may not grow so far: one line, and what was there stays."""
    options = RUNS["augmented"]
    limited = ["bash", "-c", 'ulimit -f 1000; exec "$@"', "limited"]
    folder = new_folder("full")
    text = finish(start(folder, options, limited), 2, "a checkpoint that is too large")
    if "new.onnx.checkpoint: cannot be written: File too large" not in text.splitlines()[-1]:
        fail(f"a checkpoint that is too large is not told: {text[-300:]}")
    left = sorted(path.name for path in folder.iterdir())
    if left != ["new.json", "new.jsonl"] and left != ["new.jsonl"]:
        fail(f"a checkpoint that is too large leaves {' '.join(left)}")
    cut_off(folder, options)
    whole = (folder / "new.onnx.checkpoint").read_bytes()
    finish(start(folder, [*options, "--resume"], limited), 2, "the next checkpoint is too large")
    if (folder / "new.onnx.checkpoint").read_bytes() != whole:
        fail("a checkpoint that is too large took the one before with it")
    resumed_to_the_end(folder, options, "behind a full disk")
    compare(folder, results(work / "augmented"), "behind a full disk")


try:
    for name, options in RUNS.items():
        expected = killed_at_random(name, options, arguments.kills)
        if arguments.system_calls and name in ("augmented", "compared"):
            killed_at_system_calls(name, options, expected)
    differences()
    files()
    best_epoch()
    older()
    stopped()
    full()
finally:
    shutil.rmtree(work, ignore_errors=True)
for failure in failures:
    print(f"FAILED: {failure}")
raise SystemExit(1 if failures else 0)
