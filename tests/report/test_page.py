#!/usr/bin/env python3
"""Reports in headless Chromium, narrow and wide, light, dark and on paper: nothing runs over the page's side, no text of a
figure lies on another's, no picture is missing, no heading stands at the foot of a printed page. Exit code 77 where
Chromium is not installed. Usage: test_page.py FOVEA SOURCE_ROOT [FOLDER]; a FOLDER named keeps the screenshots."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

# Width in pixels, and what of the style sheet is put in force.
VIEWS = {"narrow": (360, None), "wide": (1300, None), "dark": (1300, "@media (prefers-color-scheme:dark)"),
         "print": (718, "@media print")}

# Runs beside the page, which itself holds no script, and measures what a reader would see.
MEASURE = r"""
function measure(frame) {
  const page = frame.contentDocument, view = frame.contentWindow, faults = [];
  const told = node => node.textContent.trim().slice(0, 40);
  const seen = box => box.width > 0 && box.height > 0;
  const inside = (node, selector) => node.closest(selector) !== null;
  if (page.documentElement.scrollWidth > view.innerWidth)
    faults.push(`the page is ${page.documentElement.scrollWidth} px wide`);
  for (const node of page.body.querySelectorAll('*')) {
    const box = node.getBoundingClientRect();
    if (seen(box) && box.right > view.innerWidth + 1 && !inside(node, '.scroll') && !inside(node, '.map svg'))
      faults.push(`<${node.tagName}> '${told(node)}' ends at ${Math.round(box.right)} px`);
  }
  for (const image of page.images)
    if (!image.complete || image.naturalWidth === 0) faults.push(`the picture '${image.alt}' does not show`);
  for (const node of page.querySelectorAll('.missing')) faults.push(`missing: ${told(node)}`);
  let texts = 0;
  for (const figure of page.querySelectorAll('svg')) {
    const frame = figure.getBoundingClientRect();
    const list = [...figure.querySelectorAll('text')].map(node => [told(node), node.getBoundingClientRect()])
      .filter(([text, box]) => text && seen(box));
    texts += list.length;
    list.forEach(([text, box], i) => {
      if (box.left < frame.left - 2 || box.right > frame.right + 2 || box.top < frame.top - 2 || box.bottom > frame.bottom + 2)
        faults.push(`'${text}' leaves its figure`);
      for (const [other, under] of list.slice(i + 1)) {
        const width = Math.min(box.right, under.right) - Math.max(box.left, under.left);
        const height = Math.min(box.bottom, under.bottom) - Math.max(box.top, under.top);
        if (width > 1 && height > 2) faults.push(`'${text}' lies on '${other}'`);
      }
    });
  }
  return {faults, texts, pictures: page.images.length, paper: view.getComputedStyle(page.body).backgroundColor};
}
"""
PAPERS = {"narrow": "rgb(251, 251, 249)", "wide": "rgb(251, 251, 249)", "dark": "rgb(17, 24, 27)", "print": "rgb(255, 255, 255)"}


def chromium(program, folder, *arguments):
    # In a container the sandbox and shared memory may be denied; the pages are our own.
    return subprocess.run([program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
                           f"--user-data-dir={folder}/profile", *arguments], capture_output=True, text=True, timeout=120,
                          env={**os.environ, "HOME": str(folder)})


def seen_as(page, rule):
    """The page with a condition of its style sheet met."""
    if rule and rule not in page:
        raise SystemExit(f"the style sheet has no {rule}")
    return page.replace(rule, "@media all") if rule else page


def measure(program, folder, page, view):
    width, rule = VIEWS[view]
    inner = seen_as(page, rule).replace("&", "&amp;").replace('"', "&quot;")
    outer = (f"<!DOCTYPE html><meta charset=utf-8><style>body{{margin:0}}</style><script>{MEASURE}</script><pre id=told></pre>"
             f"<iframe style='width:{width}px;height:900px;border:0' onload=\"told.textContent="
             f"JSON.stringify(measure(this))\" srcdoc=\"{inner}\"></iframe>")
    path = folder / f"{view}.html"
    path.write_text(outer)
    result = chromium(program, folder, "--window-size=1400,1000", "--dump-dom", path.as_uri())
    found = re.search(r"<pre id=\"told\">(.*?)</pre>", result.stdout, re.S)
    if not found or not found[1]:
        raise SystemExit(f"Chromium measured nothing: {result.stderr[-500:]}")
    told = found[1]
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        told = told.replace(entity, character)
    return json.loads(told)


def check_views(program, folder, name, page, keep):
    faults = []
    for view in VIEWS:
        told = measure(program, folder, page, view)
        faults += [f"{name}, {view}: {fault}" for fault in told["faults"][:8]]
        if told["paper"] != PAPERS[view]:
            faults.append(f"{name}, {view}: the paper is {told['paper']}")
        if told["texts"] == 0:
            faults.append(f"{name}, {view}: there is no figure")
        if keep:
            width, rule = VIEWS[view]
            shown = folder / "shown.html"
            shown.write_text(seen_as(page, rule))
            chromium(program, folder, f"--window-size={width},5000", f"--screenshot={keep}/{name}-{view}.png", shown.as_uri())
    return faults


def check_print(program, folder, name, path):
    """Where pdftotext is there: no page of paper ends with a heading."""
    paper = folder / "paper.pdf"
    chromium(program, folder, f"--print-to-pdf={paper}", "--no-pdf-header-footer", path.as_uri())
    if not paper.exists():
        return [f"{name}: nothing was printed"]
    if not shutil.which("pdftotext"):
        return []
    headings = {re.sub(r"<.*?>", "", text).strip() for text in re.findall(r"<h[23]>(.*?)</h[23]>", path.read_text(), re.S)}
    pages = subprocess.run(["pdftotext", "-layout", str(paper), "-"], capture_output=True, text=True, check=True).stdout
    ends = [page.strip().splitlines()[-1].strip() for page in pages.split("\f") if page.strip()]
    return [f"{name}: a printed page ends with the heading '{end}'" for end in ends if end in headings]


def make_reports(fovea, root, folder):
    """What differs: classes and tokens, residual and dense networks, maps of pixels, a model alone, a rewrite and a training."""
    def run(*arguments):
        result = subprocess.run([fovea, *arguments, "-q"], cwd=root, capture_output=True, text=True)
        if result.returncode > 1:
            raise SystemExit(f"fovea {' '.join(arguments)}: {result.stderr}")

    images = ["--images", "models/images", "--limit", "12"]
    photos = ["--images", "models/photos", "--preprocess", "imagenet"]
    run("audit", "models/fashion_mnist.onnx", *images, "-o", f"{folder}/classes")
    run("rewrite", "models/fashion_mnist.onnx", "-o", f"{folder}/grown.onnx", "--apply", "kernel-padding", "--report",
        f"{folder}/classes")
    data = folder / "data"
    for number, image in enumerate(sorted((root / "models/images").glob("*.png"))[:24]):
        kind = data / "ab"[number % 2]
        kind.mkdir(parents=True, exist_ok=True)
        shutil.copy(image, kind)
    run("tune", "models/fashion_mnist.onnx", "--data", str(data), "--new-head", "2", "-e", "3", "-b", "8", "--seeds", "2", "-o",
        f"{folder}/tuned.onnx", "--report", f"{folder}/classes")
    run("audit", "models/fashion_vit.onnx", *images, "--baseline", f"{folder}/classes", "-o", f"{folder}/tokens")
    run("audit", "tests/fixtures/resnet18/model.onnx", *photos, "-o", f"{folder}/residual")
    run("audit", "tests/fixtures/densenet/model.onnx", "-o", f"{folder}/dense")
    run("audit", "tests/fixtures/structures/deeplabv3_33.onnx", *photos, "--budget", "4", "-o", f"{folder}/pixels")
    return ["classes", "tokens", "residual", "dense", "pixels"]


def main():
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not program:
        print("Chromium is not installed: pages are not looked at (tools/packages chromium)")
        return 77
    fovea, root = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    keep = pathlib.Path(sys.argv[3]).resolve() if len(sys.argv) > 3 else None
    if keep:
        keep.mkdir(parents=True, exist_ok=True)
    faults = []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for report in make_reports(str(fovea), root, folder):
            path = folder / report / "report.html"
            faults += check_views(program, folder, report, path.read_text(), keep)
            faults += check_print(program, folder, report, path)
    print("\n".join(faults) if faults else "the pages are whole")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
