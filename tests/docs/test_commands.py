#!/usr/bin/env python3
"""Runs every command of README.md, docs/ and models/README.md, page by page, each page in a folder of its own where the
names that it uses stand for small things of the repository. A command that ends otherwise than its page says fails; so
does a page that names an option which no verb has, or a page that is not there, and a version that is another.

A page that says how to do without a model of one's own ("put `B` for `A`", "leave `X` out") is run that way as well.

Usage: test_commands.py FOVEA SOURCE_FOLDER BUILD_FOLDER [PAGE...]
"""
import concurrent.futures
import gzip
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

import pages

# What the pages' names stand for.
STAND_INS = {
    "resnet18.onnx": "tests/fixtures/resnet18_bn/model.onnx",
    "resnet50.onnx": "tests/fixtures/resnet18_bn/model.onnx",
    "deeplabv3.onnx": "tests/fixtures/structures/deeplabv3_33.onnx",
    "resnet50_gn.onnx": "tests/fixtures/structures/gn_operator_21.onnx",
    "wide_resnet.onnx": "tests/fixtures/structures/dropout_wide_before_norm.onnx",
    "vit_b_16.onnx": "tests/fixtures/structures/vit_mean.onnx",
    "photos": "models/photos",
    "cat.jpg": "models/photos/cat.jpg",
    "tools": "tools",
}
CLASSES = {"cat": ("cat", "clock"), "other": ("brick", "coffee", "retina")}  # of the folder `data`, out of `photos`
DATA = "/usr/share/datasets/fashion-mnist"
PART = {"train": 1200, "t10k": 600}  # of its images, and of models/images two of five: commands are run, not results
SECONDS = 250  # of one page, on a machine that does much else


def commands(block):
    """(line, command, exit code) of a block: lines that belong together as bash sees it."""
    gathered, first = [], 0
    for number, line in enumerate(block.lines):
        if not gathered:
            first = number
        gathered.append(line)
        text = "\n".join(gathered)
        if line.endswith("\\") or subprocess.run(["bash", "-n", "-c", text], capture_output=True).returncode:
            continue
        gathered = []
        if text.strip() and not text.lstrip().startswith("#"):
            code = re.search(r"# exit code (\d+)\s*$", text)
            yield block.line + 1 + first, text, int(code.group(1)) if code else 0
    if gathered:
        raise SystemExit(f"{block.page}:{block.line + 1 + first}: no complete command")


def quoted(text):
    return "'" + text.replace("'", "'\\''") + "'"


def is_run(block):
    """Blocks on Debian's Fashion-MNIST are left out where it is not installed, as its other tests are."""
    missing = DATA in block.text and not os.path.exists(DATA) and not os.environ.get("FOVEA_REQUIRE_TEST_DATA")
    if missing and block.mark != "not run":
        block.mark, block.why = "not run", f"{DATA} is not installed"
    return block.mark != "not run"


def script_of(page, replace):
    """One bash script that runs the page, and the number of commands."""
    lines = ["set -u", 'ended() { [ "$1" = "$2" ] && return; echo "FAILED $3: exit code $1, the page says $2" >&3; exit 1; }']
    count = 0
    for block in page.blocks:
        if not is_run(block) or (block.language != "sh" and block.mark != "file"):
            continue
        if block.mark == "file":
            name = quoted(block.why)
            lines.append(f"mkdir -p \"$(dirname {name})\" && printf %s {quoted(replace(block.text))} > {name}")
            continue
        for line, command, code in commands(block):
            where = f"{page.name}:{line}"
            if block.mark == "run with" and command.startswith("fovea tune"):
                command += " " + block.why
            lines += [f"echo {quoted('== ' + where + ': ' + command)}", replace(command), f"ended $? {code} {quoted(where)}"]
            count += 1
    return "\n".join(lines) + "\n", count


def furnish(folder, source, text):
    for name, path in STAND_INS.items():
        if re.search(rf"(?<![\w/.-]){re.escape(name)}\b", text):
            (folder / name).symlink_to(source / path)
    if re.search(r"(?<![\w/.-])models\b", text):
        furnish_models(folder, source)
    if re.search(r"(?<![\w/.-])data\b", text):
        for label, names in CLASSES.items():
            (folder / "data" / label).mkdir(parents=True)
            for name in names:
                (folder / "data" / label / f"{name}.jpg").symlink_to(source / "models" / "photos" / f"{name}.jpg")


def furnish_models(folder, source):
    """The folder `models` with a part of its images."""
    (folder / "models" / "images").mkdir(parents=True)
    for path in (source / "models").iterdir():
        if path.name != "images":
            (folder / "models" / path.name).symlink_to(path)
    kept = set()
    for number, path in enumerate(sorted((source / "models" / "images").glob("*.png"))):
        if number % 5 in (0, 2):
            (folder / "models" / "images" / path.name).symlink_to(path)
            kept.add(path.name)
    labels = (source / "models" / "images" / "labels.csv").read_text(encoding="utf-8").splitlines()
    (folder / "models" / "images" / "labels.csv").write_text("".join(line + "\n" for line in labels if line.split(",")[0] in kept or
                                                             not line.split(",")[0].endswith(".png")), encoding="utf-8")


def cut_data(folder):
    """Fashion-MNIST's files with the first of their images and labels: an IDX file says behind its magic how many it has."""
    folder.mkdir()
    for path in pathlib.Path(DATA).glob("*-ubyte.gz"):
        count, head = PART[path.name.split("-")[0]], 16 if "images" in path.name else 8
        with gzip.open(path) as whole:
            data = whole.read(head + count * (784 if head == 16 else 1))
        (folder / path.name).write_bytes(gzip.compress(data[:4] + count.to_bytes(4, "big") + data[8:], 1))


def run_page(page, source, environment, root, replace=lambda text: text, label=""):
    script, count = script_of(page, replace)
    if not count:
        return 0, None
    script = script.replace(DATA, str(root / "fashion-mnist"))
    folder = root / (page.name.replace("/", "_") + label)
    folder.mkdir()
    furnish(folder, source, script)
    began = time.monotonic()
    with open(folder / ".log", "w", encoding="utf-8") as log, open(folder / ".failure", "w", encoding="utf-8") as failure:
        os.set_inheritable(failure.fileno(), True)
        try:
            result = subprocess.run(["bash", "-c", f"exec 3>&{failure.fileno()}\n{script}"], cwd=folder, env=environment,
                                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=SECONDS, pass_fds=[failure.fileno()])
        except subprocess.TimeoutExpired:
            return count, f"{page.name}{label}: takes more than {SECONDS} s"
    if result.returncode == 0:
        print(f"{time.monotonic() - began:5.1f} s  {count:2d} commands  {page.name}{label}")
        return count, None
    said = (folder / ".log").read_text(encoding="utf-8", errors="replace").splitlines()[-12:]
    return count, "\n    ".join([(folder / ".failure").read_text().strip() + label or f"{page.name}{label} failed", *said])


def substitution(page):
    """What the page says to put in place of its models, as a function of a text; or None."""
    text = " ".join(line.removeprefix("> ") for line in page.prose)
    put = re.findall(r"[Pp]ut `([^`]+)` for `([^`]+)`", text)
    left_out = re.findall(r"[Ll]eave `([^`]+)` out", text)
    if not put:
        return None

    def replace(command):
        for this, that in put:
            command = re.sub(rf"(?<![\w/.$-]){re.escape(that)}(?![\w.=-])", this, command)
        for words in left_out:
            command = command.replace(" " + words, "")
        return command

    return replace


def check_words(page, options, root):
    """Options and links in the prose."""
    text = "\n".join(page.prose)
    for code in re.findall(r"`([^`\n]+)`", text):
        if re.search(r"\b(pip|apt|meson|cmake|pkg-config|torch|ldconfig|tools/|tests/|debootstrap|doxygen)", code):
            continue
        for option in re.findall(r"(?<![\w-])--[a-z][a-z-]*", code):
            if option not in options:
                yield f"{page.name}: `{code}` names {option}, which there is not"
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        if not (page.path.parent / link).exists():
            yield f"{page.name}: a link to {link}, which is not there"


def check_version(source):
    """The project's version stands in the files that tell it."""
    version = re.search(r"^ *version: '([0-9.]+)'", (source / "meson.build").read_text(encoding="utf-8"), re.M).group(1)
    for name, line in (("CITATION.cff", f"version: {version}"), ("CHANGELOG.md", f"## {version}")):
        if not re.search(rf"^{re.escape(line)}( |$)", (source / name).read_text(encoding="utf-8"), re.M):
            yield f"{name}: has no line '{line}', the version of meson.build"


def options_of(fovea, source):
    verbs = re.findall(r"^  ([a-z]+) ", subprocess.run([fovea, "help"], capture_output=True, text=True, check=True).stdout, re.M)
    found = {"--version", "--help"}
    for verb in verbs:
        shown = subprocess.run([fovea, "help", verb], capture_output=True, text=True)
        found |= set(re.findall(r"--[a-z][a-z-]*", shown.stdout))
    assert len(found) > 60, "few options are found"
    for tool in [*(source / "tools").rglob("*"), *(source / "tests" / "kernel").glob("*.c")]:  # they are on the pages too
        if tool.is_file():
            found |= set(re.findall(r"--[a-z][a-z-]*", tool.read_text(encoding="utf-8", errors="replace")))
    return found


def main():
    fovea, source, build = (pathlib.Path(argument).resolve() for argument in sys.argv[1:4])
    chosen = sys.argv[4:]
    every = [page for page in pages.all_pages(source) if not chosen or page.name in chosen]
    failures = [fault for page in every for fault in page.faults] + list(check_version(source))
    options = options_of(fovea, source)
    for page in every:
        failures += check_words(page, options, source)
    root = pathlib.Path(tempfile.mkdtemp(prefix="fovea-docs-"))
    (root / "bin").mkdir()
    (root / "bin" / "fovea").symlink_to(fovea)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FOVEA_")}
    environment.update(PATH=f"{root / 'bin'}:{environment['PATH']}", LD_LIBRARY_PATH=str(build), LC_ALL="C.UTF-8",
                       C_INCLUDE_PATH=str(source / "src"), LIBRARY_PATH=str(build),
                       PKG_CONFIG_PATH=str(build / "meson-uninstalled"))
    total, jobs = 0, []
    try:
        if os.path.exists(DATA):
            cut_data(root / "fashion-mnist")
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            for page in every:
                jobs.append(pool.submit(run_page, page, source, environment, root))
                if substitution(page):
                    jobs.append(pool.submit(run_page, page, source, environment, root, substitution(page), " (shipped)"))
            for job in jobs:
                count, failure = job.result()
                total += count
                failures += [failure] if failure else []
    finally:
        shutil.rmtree(root)
    not_run = [block for page in every for block in page.blocks if block.mark == "not run"]
    for block in not_run:
        print(f"not run: {block.place}: {block.why}")
    for failure in failures:
        print(failure)
    print(f"{len(every)} pages, {total} commands run, {len(not_run)} blocks not run, {len(failures)} failures")
    if not chosen and total < 60:
        print("few commands are found")
        return 1
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
