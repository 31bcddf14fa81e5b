#!/usr/bin/env python3
"""tools/action and the jobs of docs/tutorials/ci.md: parsed as YAML, what they name is there, and their shell steps are run
as the runners run them, with a good model and with one that is stopped.

Usage: test_pipelines.py FOVEA SOURCE_FOLDER BUILD_FOLDER
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

import pages

try:
    import yaml
except ImportError:
    print("python3-yaml is not installed")
    sys.exit(77 if not os.environ.get("FOVEA_REQUIRE_TEST_DATA") else 1)

fovea, source, build = (pathlib.Path(argument).resolve() for argument in sys.argv[1:4])
ACTION = source / "tools" / "action" / "action.yml"
GOOD, STOPPED = "models/fashion_mnist.onnx", "tests/fixtures/structures/dropout_wide_before_norm.onnx"
BROKEN = "tests/fixtures/check/mixed.onnx"
EXPRESSION = re.compile(r"\$\{\{ *([\w.-]+) *\}\}")
failures = []


def require(holds, what):
    if not holds:
        failures.append(what)


def environment(folder, **values):
    (folder / "bin").mkdir(exist_ok=True)
    if not (folder / "bin" / "fovea").exists():
        (folder / "bin" / "fovea").symlink_to(fovea)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FOVEA_")}
    return kept | {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "LD_LIBRARY_PATH": str(build), **values}


def run_step(step, inputs, folder):
    """Exit code, what was printed, and the step's outputs: as a runner has it."""
    def filled(text):
        return EXPRESSION.sub(lambda found: inputs[found.group(1).removeprefix("inputs.")], text)
    output = folder / "output"
    output.write_text("")
    require(not EXPRESSION.search(step["run"]), "an expression in the script itself: texts would be run")
    values = {name: filled(value) for name, value in step["env"].items()}
    (folder / "step.sh").write_text(step["run"])
    result = subprocess.run(["bash", "--noprofile", "--norc", "-eo", "pipefail", folder / "step.sh"], cwd=folder, text=True,
                            env=environment(folder, GITHUB_OUTPUT=str(output), **values), capture_output=True)
    return result.returncode, result.stdout + result.stderr, dict(line.split("=", 1) for line in output.read_text().splitlines())


def check_action(folder):
    action = yaml.safe_load(ACTION.read_text(encoding="utf-8"))
    (step,) = action["runs"]["steps"]
    require(action["runs"]["using"] == "composite" and step["shell"] == "bash" and action["name"] and action["description"],
            "the action's head")
    used = {name.removeprefix("inputs.") for name in EXPRESSION.findall(str(action["runs"]))}
    require(used == set(action["inputs"]), f"inputs {set(action['inputs'])} against {used}")
    for name, entry in action["inputs"].items():
        require(entry["description"] and (entry.get("required") or isinstance(entry["default"], str)), f"input {name}")
    for name, entry in action["outputs"].items():
        require(entry["value"] == f"${{{{ steps.{step['id']}.outputs.{name} }}}}", f"output {name}")
    defaults = {name: entry.get("default", "") for name, entry in action["inputs"].items()}
    cases = [(GOOD, {}, 0), (STOPPED, {}, 1), (STOPPED, {"fail-audit": "never"}, 0), (BROKEN, {"fail-audit": "never"}, 2),
             (GOOD, {"fail-audit": "note"}, 1), (GOOD, {"images": str(source / "models/images"), "reports": "my reports"}, 0),
             ("none.onnx", {}, 2)]
    for number, (model, given, code) in enumerate(cases):
        place = folder / str(number)
        place.mkdir()
        if model != "none.onnx":
            (place / "the model.onnx").symlink_to(source / model)
        inputs = defaults | {"model": "the model.onnx"} | given
        status, said, outputs = run_step(step, inputs, place)
        require(status == code, f"{model} {given}: exit code {status}, not {code}: {said[-400:]}")
        require(outputs == {"reports": inputs["reports"], "code": str(code)}, f"{model} {given}: outputs {outputs}")
        reports = place / inputs["reports"]
        if code < 2:
            for name in ("check", "audit"):
                json.loads((reports / f"{name}.json").read_text())
                require(json.loads((reports / f"{name}.sarif").read_text())["version"] == "2.1.0", f"{model}: {name}.sarif")
                xml.etree.ElementTree.parse(reports / f"{name}.xml")
        require(("::error file=the model.onnx" in said) == (code == 1 or model == BROKEN), f"{model} {given}: annotations in {said[-300:]}")


def texts(value, keys):
    """Of all entries with these keys, wherever they are."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in keys:
                yield from inner if isinstance(inner, list) else [inner]
            else:
                yield from texts(inner, keys)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner, keys)


def check_jobs(folder):
    page = next(page for page in pages.all_pages(source) if page.name == "docs/tutorials/ci.md")
    jobs = [yaml.safe_load(block.text) for block in page.blocks if block.language == "yaml"]
    require(len(jobs) == 2, f"{len(jobs)} jobs on the page")
    action = yaml.safe_load(ACTION.read_text(encoding="utf-8"))
    for job in jobs:
        for script in texts(job, {"run", "script", "before_script"}):
            require(subprocess.run(["bash", "-n", "-c", script], capture_output=True).returncode == 0, f"no script: {script}")
    (github, gitlab) = jobs
    for step in github["jobs"]["model"]["steps"]:
        if step.get("uses", "").startswith("./"):
            require(set(step["with"]) <= set(action["inputs"]), f"inputs {step['with']}")
            require(step["uses"] == "./.github/actions/fovea", "the action's place")
        if "sarif_file" in step.get("with", {}):
            require(step["with"]["sarif_file"] == action["inputs"]["reports"]["default"] + "/audit.sarif", "the file that is uploaded")
    for model, code in ((GOOD, 0), (STOPPED, 1)):
        place = folder / pathlib.Path(model).stem
        place.mkdir()
        (place / "model.onnx").symlink_to(source / model)
        result = subprocess.run(["bash", "-e", "-c", "\n".join(gitlab["model"]["script"])], cwd=place, capture_output=True, text=True,
                                env=environment(place))
        require(result.returncode == code, f"GitLab, {model}: {result.returncode}: {result.stderr[-300:]}")
        artifacts = gitlab["model"]["artifacts"]
        for name in artifacts["paths"] + artifacts["reports"]["junit"]:
            require((place / name).is_file(), f"GitLab: no {name}")
        failed = [case.get("name") for case in xml.etree.ElementTree.parse(place / "audit.xml").iter("testcase") if case.find("failure") is not None]
        require(failed == (["dropout"] if code else []), f"GitLab, {model}: {failed} failed")


with tempfile.TemporaryDirectory(prefix="fovea-pipelines-") as scratch:
    for part in (check_action, check_jobs):
        place = pathlib.Path(scratch) / part.__name__
        place.mkdir()
        part(place)
for failure in failures:
    print(failure)
print(f"{len(failures)} failures")
sys.exit(1 if failures else 0)
