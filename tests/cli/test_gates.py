#!/usr/bin/env python3
"""What pipelines live on: exit codes by --fail-on. Usage: test_gates.py FOVEA SOURCE_FOLDER"""
import pathlib
import subprocess
import sys

fovea, source = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
failures = []

CLEAN = source / "models/fashion_mnist.onnx"  # notes, and what is not decidable
PROBLEMS = source / "tests/fixtures/check/mixed.onnx"
NOTES = source / "tests/fixtures/hostile/no_nodes.onnx"


def fail(text):
    failures.append(text)


def run(code, *arguments):
    result = subprocess.run([str(fovea), *map(str, arguments)], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                            cwd=source, errors="replace")
    words = " ".join(map(str, arguments))
    if result.returncode != code:
        fail(f"fovea {words}: exit code {result.returncode}, not {code}: {result.stderr[-300:]}")
    if code == 2 and len(result.stderr.splitlines()) != 1:
        fail(f"fovea {words}: not one line: {result.stderr}")
    return result.stdout + result.stderr


def says(text, words):
    if words not in text:
        fail(f"'{words}' is not said in: {text[-500:]}")


def levels():
    advised = ["audit", source / "tests/fixtures/structures/dropout_wide_before_norm.onnx"]
    for code, options in ((1, []), (1, ["--fail-on", "advice"]), (1, ["--fail-on", "any"]), (1, ["--fail-on", "note"]),
                          (0, ["--fail-on", "never"]), (0, ["--fail-on", "dropout=never"]),
                          (1, ["--fail-on", "never", "--fail-on", "dropout=advice"]),
                          (1, ["--fail-on", "dropout=never", "--fail-on", "dropout=any"]), (0, ["--only", "groups"])):
        run(code, *advised, *options)
    for code, options in ((0, []), (0, ["--fail-on", "any"]), (1, ["--fail-on", "note"]), (1, ["--fail-on", "gamma=note"]),
                          (1, ["--fail-on", "note", "--fail-on", "gamma=never"]),
                          (0, ["--fail-on", "note", *(word for guide in ("dropout", "gamma", "kernel-padding")
                                                      for word in ("--fail-on", f"{guide}=any"))]),
                          (0, ["--fail-on", "groups=note"])):
        run(code, "audit", CLEAN, *options)
    for code, options in ((1, []), (1, ["--fail-on", "note"]), (0, ["--fail-on", "never"]), (1, ["--fail-on", "type=never"]),
                          (0, ["--fail-on", "type=never", "--fail-on", "attribute-opset=never"]),
                          (1, ["--fail-on", "never", "--fail-on", "unused-weight=note"])):
        run(code, "check", PROBLEMS, *options)
    for code, options in ((0, []), (1, ["--fail-on", "note"]), (0, ["--fail-on", "note", "--fail-on", "passed-through=never"])):
        run(code, "check", NOTES, *options)
    says(run(2, "audit", CLEAN, "--fail-on", "problem"), "there are advice, any, note, never")
    says(run(2, "audit", CLEAN, "--fail-on", "gama=note"), "did you mean 'gamma'?")
    says(run(2, "audit", CLEAN, "--fail-on", "gamma="), "there are advice, any, note, never")
    says(run(2, "check", CLEAN, "--fail-on", "unused-weigh=note"), "did you mean 'unused-weight'?")
    says(run(2, "check", CLEAN, "--fail-on", "advice"), "there are problem, note, never")


levels()
for failure in failures:
    print(failure)
print(f"{len(failures)} failures")
sys.exit(1 if failures else 0)
