#!/usr/bin/env python3
"""Progress on a terminal: a bar in one row that is gone when something else is printed, from 0 % on where work is long, no
pace that reads as none. Usage: test_terminal.py FOVEA SOURCE_FOLDER"""
import fcntl
import os
import pathlib
import pty
import re
import struct
import sys
import tempfile
import termios

fovea, source = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
failures = []
BAR = re.compile(r"^[a-z ]+ \[[#.]+\] ")


def terminal(columns, arguments):
    """What a terminal of so many columns gets of a run, and its exit code."""
    child, screen = pty.fork()
    if child == 0:
        fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        os.execv(fovea, ["fovea", *map(str, arguments)])
    got = b""
    while True:
        try:
            piece = os.read(screen, 65536)
        except OSError:  # how Linux ends it
            break
        if not piece:
            break
        got += piece
    _, status = os.waitpid(child, 0)
    os.close(screen)
    return got.decode("utf-8", errors="replace").replace("\r\n", "\n"), os.waitstatus_to_exitcode(status)


def rows(text):
    """Each line as the states that its row goes through."""
    for line in text.split("\n"):
        shown = ""
        for part in line.split("\r"):
            part, cleared = part.replace("\x1b[K", ""), "\x1b[K" in part
            shown = part if cleared or len(part) >= len(shown) else part + shown[len(part):]
            yield shown


def check(columns, code, bars, *arguments):
    text, status = terminal(columns, arguments)
    states = list(rows(text))
    drawn = [state for state in states if BAR.match(state)]
    words = " ".join(map(str, arguments))

    def require(holds, what):
        if not holds:
            failures.append(f"fovea {words}, {columns} columns: {what}")

    require(status == code, f"exit code {status}: {text[-300:]}")
    for state in states:
        require(not re.search(r"(?<![\d.])0(\.0+)?(/s| images/s)", state), f"a pace of none: {state!r}")
        require(state not in drawn or len(state) < columns, f"a bar of {len(state)}: {state!r}")
        require(not re.search(r"\[[#.]+\] .*( left.|fovea|wrote|model)", state), f"a bar stays: {state!r}")
    for bar in bars:
        require(any(re.search(bar, state) for state in drawn), f"no bar like {bar!r} among {drawn[:3]}")
    require(not states[-1].strip() or states[-1] == text.rsplit("\n", 1)[-1], f"the last row holds {states[-1]!r}")
    return drawn


with tempfile.TemporaryDirectory(prefix="fovea-terminal-") as scratch:
    os.chdir(source)
    model, images, out = "models/fashion_mnist.onnx", "models/images", pathlib.Path(scratch)
    train = ["tune", model, "--data", "models/images/labels.csv", "-t", "1", "-e", "8", "--force", "-o", out / "new.onnx"]
    for width in (80, 44):
        drawn = check(width, 0, [r"^training \[\.+\] epoch 1/8$", r" left$" if width == 80 else r"epoch [2-8]/8, loss"], *train)
        if drawn and "#" in drawn[0]:
            failures.append(f"the bar does not begin at 0 %: {drawn[0]}")
    check(80, 0, [r"^audit \[\.+\] "], "audit", model, "--images", images, "--limit", "20", "-o", out / "audit")
    check(80, 0, [r"^field \[\.+\] images$"], "erf", model, "--images", images, "--limit", "4", "--perturb", "20")
    check(80, 0, [r"^runs \[#*\.*\] \d+/1000000, [\d.]+/s"], "bench", model, "-t", "1", "--runs", "1000000", "--seconds", "2.5")
    check(80, 0, [r"^images \[#*\.*\] \d+/6, "], "cam", model, images, "--limit", "6", "-m", "all", "-o", out / "maps")
    # an error takes the place of the bar
    check(80, 2, [r"^training \["], "tune", model, "--data", images, "--rate", "1e30", "-o", out / "x.onnx", "-e", "2")

for failure in failures:
    print(failure)
print(f"{len(failures)} failures")
sys.exit(1 if failures else 0)
