#!/usr/bin/env python3
"""What pipelines live on: exit codes by --fail-on, SARIF, JUnit's XML, annotations. Usage: test_gates.py FOVEA SOURCE_FOLDER"""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.parse
import xml.etree.ElementTree

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
    return result.stderr if code == 2 else result.stdout


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


# ---- SARIF ----

# What GitHub asks for ("SARIF support for code scanning"), and the standard's own rules about the parts that are used.
LEVELS, KINDS = {"none", "note", "warning", "error"}, {"fail", "open"}
HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e]")


def require(place, holds):
    if not holds:
        fail(f"SARIF: {place}")


def text_of(place, message, most=None):
    text = message.get("text", "")
    require(f"{place} has no text", isinstance(text, str) and text.strip())
    require(f"{place} is longer than {most}", most is None or len(text) <= most)
    require(f"{place} holds what may not be shown: {text!r}", not HIDDEN.search(text))


def check_rule(rule):
    require("a rule has no id", rule["id"] and rule["name"])
    text_of(f"shortDescription of {rule['id']}", rule["shortDescription"], 1024)
    text_of(f"fullDescription of {rule['id']}", rule["fullDescription"], 1024)
    text_of(f"help of {rule['id']}", rule["help"])
    require(f"level of {rule['id']}", rule["defaultConfiguration"]["level"] in LEVELS - {"none"})
    if "helpUri" in rule:
        require(f"helpUri of {rule['id']}", re.fullmatch(r"https://arxiv\.org/abs/\d{4}\.\d{5}", rule["helpUri"]))


def check_artifact(location):
    uri = location["uri"]
    require(f"'{uri}' is no URI", uri and re.fullmatch(r"(file:///)?(%[0-9A-F]{2}|[A-Za-z0-9._~/-])+", uri))
    require(f"'{uri}' has a base", (location.get("uriBaseId") == "%SRCROOT%") == (not uri.startswith("file://")))


def check_result(result, rules, fingerprints):
    require(f"rule of {result}", rules[result["ruleIndex"]]["id"] == result["ruleId"])
    require(f"kind {result['kind']}", result["kind"] in KINDS)
    require("a level that goes with the kind", (result["level"] == "none") == (result["kind"] != "fail") and result["level"] in LEVELS)
    text_of("a message", result["message"])
    require("one location", len(result["locations"]) == 1)
    for location in result["locations"]:
        check_artifact(location["physicalLocation"]["artifactLocation"])
        require("a region", location["physicalLocation"]["region"] == {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 1})
        logical = location.get("logicalLocations", [])
        require("logical locations are there or not", "logicalLocations" not in location or logical)
        require("each logical location once", len({str(place) for place in logical}) == len(logical))
        for place in logical:
            require(f"a logical location {place}", place["kind"] in ("node", "block") and place["fullyQualifiedName"])
            require(f"{place} may not be shown", not HIDDEN.search(place["fullyQualifiedName"]))
    print_of = result["partialFingerprints"]["primaryLocationLineHash"]
    require(f"fingerprint {print_of}", re.fullmatch(r"[0-9a-f]{16}:\d+", print_of) and print_of not in fingerprints)
    fingerprints.add(print_of)


def check_sarif(text, verb):
    document = json.loads(text)
    require("version", document["version"] == "2.1.0" and document["$schema"].endswith("sarif-schema-2.1.0.json"))
    (run_,) = document["runs"]
    driver = run_["tool"]["driver"]
    require("driver", driver["name"] == "fovea" and re.fullmatch(r"\d+\.\d+\.\d+", driver["semanticVersion"]))
    require("a category of its own", run_["automationDetails"]["id"] == f"fovea/{verb}/")
    for rule in driver["rules"]:
        check_rule(rule)
    require("rules once", len({rule["id"] for rule in driver["rules"]}) == len(driver["rules"]))
    for artifact in run_["artifacts"]:
        check_artifact(artifact["location"])
    fingerprints = set()
    for result in run_["results"]:
        check_result(result, driver["rules"], fingerprints)
    return run_


# ---- JUnit ----

# Elements and attributes that all readers know: those of the schema that Jenkins' xUnit plugin holds files against.
ATTRIBUTES = {"testsuites": {"name", "tests", "failures", "errors"}, "testsuite": {"name", "tests", "failures", "errors", "skipped"},
              "testcase": {"classname", "name"}, "skipped": {"message"}, "failure": {"type", "message"}, "system-out": set()}
CHILDREN = {"testsuites": {"testsuite"}, "testsuite": {"testcase"}, "testcase": {"skipped", "failure", "system-out"}}


def check_junit(text):
    """(name, outcome) of all cases."""
    root = xml.etree.ElementTree.fromstring(text)
    cases = []
    if root.tag != "testsuites":
        fail(f"JUnit: the root is {root.tag}")
    for element in root.iter():
        if set(element.attrib) != ATTRIBUTES[element.tag] or {child.tag for child in element} - CHILDREN.get(element.tag, set()):
            fail(f"JUnit: {element.tag} has {element.attrib} and {[child.tag for child in element]}")
        for words in (element.text or "", *element.attrib.values()):
            if HIDDEN.search(words):
                fail(f"JUnit: {words!r} may not be shown")
    for suite in root:
        outcomes = [(case.get("name"), case[0].tag if len(case) else "passed") for case in suite]
        for word, tag in (("failures", "failure"), ("skipped", "skipped")):
            if int(suite.get(word)) != sum(outcome == tag for _, outcome in outcomes):
                fail(f"JUnit: {suite.attrib} against {outcomes}")
        if int(suite.get("tests")) != len(outcomes) or len({name for name, _ in outcomes}) != len(outcomes):
            fail(f"JUnit: {suite.attrib} against {len(outcomes)} cases")
        cases += outcomes
    if int(root.get("tests")) != len(cases):
        fail(f"JUnit: {root.attrib} against {len(cases)} cases")
    return dict(cases)


# ---- GitHub ----

def unescaped(text):
    return urllib.parse.unquote(text)


def check_annotations(text):
    """(command, file, title, message) of each workflow command, as a runner reads them."""
    found = []
    for line in text.splitlines():
        command = re.fullmatch(r"::(\w+) file=([^,:]+),title=([^,:]+)::(.+)", line)
        if line.startswith("::") and not command:
            fail(f"annotations: {line!r}")
        if command:
            if re.search(r"%(?!25|0A|0D)", command.group(4)):
                fail(f"annotations: {line!r} is escaped otherwise than runners read it")
            found.append((command.group(1), *map(unescaped, command.groups()[1:])))
    return found


# ---- what is written ----

def audit_forms(folder):
    sarif, junit = folder / "audit.sarif", folder / "audit.xml"
    options = ["--sarif", sarif, "--junit", junit, "--github"]
    said = run(0, "audit", CLEAN.relative_to(source), *options)
    result = check_sarif(sarif.read_text(encoding="utf-8"), "audit")
    cases, annotations = check_junit(junit.read_text(encoding="utf-8")), check_annotations(said)
    guides = json.loads(run(0, "audit", CLEAN, "--json"))["guides"]
    require("a rule for each guide", [guide["name"] for guide in guides] == [rule["id"] for rule in result["tool"]["driver"]["rules"]])
    require("a link to each paper", all("helpUri" in rule for rule in result["tool"]["driver"]["rules"]))
    levels_of = {entry["ruleId"]: (entry["kind"], entry["level"]) for entry in result["results"]}
    require(f"levels {levels_of}", levels_of == {"dropout": ("open", "none"), "gamma": ("fail", "note"), "kernel-padding": ("fail", "note")})
    padding = next(entry for entry in result["results"] if entry["ruleId"] == "kernel-padding")
    places = padding["locations"][0]["logicalLocations"]
    require("block and node", {"kind": "block", "fullyQualifiedName": "/blocks/blocks.2/conv1"} in places and
            {"kind": "node", "fullyQualifiedName": "/blocks/blocks.2/conv1/Conv", "name": "Conv"} in places)
    require("the code", padding["properties"]["code"] == "PADDING001")
    require("the command", "fovea rewrite models/fashion_mnist.onnx -o NEW.onnx" in padding["message"]["text"])
    if cases != {"atrous": "skipped", "dropout": "skipped", "gamma": "system-out", "gaussian-bias": "skipped", "groups": "skipped",
                 "kernel-padding": "system-out", "prelayernorm": "skipped"}:
        fail(f"JUnit: {cases}")
    if [entry[:3] for entry in annotations] != [("notice", str(CLEAN.relative_to(source)), code) for code in
                                                ("DROPOUT005", "GAMMA001", "PADDING001")]:
        fail(f"annotations: {annotations}")
    if "0.5 % of a weight" not in annotations[1][3] or "\ncommand: " not in annotations[1][3]:
        fail(f"annotations: {annotations[1]}")
    # what stops is an error everywhere
    said = run(1, "audit", CLEAN, "--fail-on", "note", "--fail-on", "gamma=never", *options)
    result = check_sarif(sarif.read_text(encoding="utf-8"), "audit")
    require("levels of a gate", {entry["ruleId"]: entry["level"] for entry in result["results"]} ==
            {"dropout": "error", "gamma": "note", "kernel-padding": "error"})
    cases = check_junit(junit.read_text(encoding="utf-8"))
    if (cases["dropout"], cases["gamma"], cases["kernel-padding"]) != ("failure", "system-out", "failure"):
        fail(f"JUnit: {cases}")
    if [entry[0] for entry in check_annotations(said)] != ["error", "notice", "error"]:
        fail("annotations of a gate")
    # guides that were not asked for have no case
    run(0, "audit", CLEAN, "--only", "gamma", "--junit", junit)
    if list(check_junit(junit.read_text(encoding="utf-8"))) != ["gamma"]:
        fail("JUnit: --only")


    run(0, "audit", source / "tests/fixtures/structures/aspp_functions.onnx", "--sarif", sarif)  # nodes of one name
    check_sarif(sarif.read_text(encoding="utf-8"), "audit")


def check_forms(folder):
    sarif, junit = folder / "check.sarif", folder / "check.xml"
    said = run(1, "check", PROBLEMS, "--sarif", sarif, "--junit", junit, "--github")
    result = check_sarif(sarif.read_text(encoding="utf-8"), "check")
    require("problems and notes", [(entry["ruleId"], entry["level"]) for entry in result["results"]] ==
            [("attribute-opset", "error"), ("type", "error"), ("unused-input", "note"), ("unused-weight", "note")])
    cases = check_junit(junit.read_text(encoding="utf-8"))
    failed = sorted(name for name, outcome in cases.items() if outcome == "failure")
    if failed != ["attribute-opset", "type"] or len(cases) != len(result["tool"]["driver"]["rules"]):
        fail(f"JUnit: {cases}")
    if [entry[0] for entry in check_annotations(said)] != ["error", "error", "notice", "notice"]:
        fail("annotations of check")
    run(0, "check", PROBLEMS, "--sarif", sarif, "--fail-on", "never")
    require("problems that do not stop", [entry["level"] for entry in json.loads(sarif.read_text())["runs"][0]["results"]] ==
            ["warning", "warning", "note", "note"])


def hostile_forms(folder):
    """Names of files and nodes that would end a line, a field, an element or a URI."""
    odd = folder / "50%, a:b\n::error::<x> & \"é\" ]]>\x1b[1m.onnx"
    shutil.copy(source / "tests/fixtures/structures/odd_names.onnx", odd)
    sarif, junit = folder / "odd.sarif", folder / "odd.xml"
    for verb in ("audit", "check"):
        said = run(1 if verb == "audit" else 0, verb, odd, "--sarif", sarif, "--junit", junit, "--github", "--fail-on", "note",
                   *(["--fail-on", "weight-not-finite=never"] if verb == "check" else []))
        result = check_sarif(sarif.read_text(encoding="utf-8"), verb)
        require("the path", urllib.parse.unquote(result["artifacts"][0]["location"]["uri"]) == f"file://{odd}")
        check_junit(junit.read_text(encoding="utf-8"))
        for _, file, _, message in check_annotations(said):
            if HIDDEN.search(message) or file != re.sub("[\n\x1b]", "?", str(odd)):
                fail(f"annotations: {file!r} {message!r}")


def streams(folder):
    check_sarif(run(0, "audit", CLEAN, "--sarif", "-"), "audit")
    check_junit(run(0, "check", CLEAN, "--junit", "-"))
    for options in (["--json", "--sarif", "-"], ["--junit", "-", "--sarif", "-"], ["--github", "--sarif", "-"], ["--json", "--github"]):
        says(run(2, "audit", CLEAN, *options), "stdout holds one of")
    run(0, "audit", CLEAN, "--json", "--sarif", folder / "beside.sarif")
    says(run(2, "check", PROBLEMS, "--sarif", folder / "none" / "x.sarif"), "x.sarif")
    before = json.loads((folder / "beside.sarif").read_text())
    run(0, "audit", CLEAN, "--sarif", folder / "beside.sarif")
    require("the same bytes again", before == json.loads((folder / "beside.sarif").read_text()))


levels()
with tempfile.TemporaryDirectory(prefix="fovea-gates-") as scratch:
    for part in (audit_forms, check_forms, hostile_forms, streams):
        part(pathlib.Path(scratch))
for failure in failures:
    print(failure)
print(f"{len(failures)} failures")
sys.exit(1 if failures else 0)
