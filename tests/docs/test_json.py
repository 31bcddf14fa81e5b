#!/usr/bin/env python3
"""docs/json.md against what the verbs print, both ways: each field that occurs is documented with its type, and each
documented field occurs, but for those that the page calls seldom.

Usage: test_json.py FOVEA SOURCE_FOLDER LIBRARY_DOCUMENTS
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import documents

ROW = re.compile(r"^\| `([^`]+)` \| ([^|]+) \| (.*?) ?\|$")
LEAVES = {"text": "text", "int": "int", "number": "number", "bool": "bool"}
MOST_SELDOM = 12


class Schema:
    """Leaves by path, as "layers[].shape[]": the kinds of values there may be, and the row that says so."""

    def __init__(self):
        self.kinds, self.rows, self.seldom = {}, {}, set()

    def add(self, path, kind, row, seldom):
        self.kinds.setdefault(path, set()).add(kind)
        self.rows[path] = row
        if seldom:
            self.seldom.add(path)


def read_tables(page):
    """Rows of each heading: (field, type, remark)."""
    tables, heading = {}, ""
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            heading = line.lstrip("#").strip()
        row = ROW.match(line)
        if row:
            tables.setdefault(heading, []).append(row.groups())
    return tables


def expand(schema, tables, heading, rows, prefix, seldom=False):
    for field, types, remark in rows:
        for kind in re.split(r",\s*|\s+or\s+", types.strip()):
            rare = seldom or remark.startswith("*seldom*")
            path = prefix + field
            shared = re.match(r"\[([a-z-]+)\]\(#[a-z-]+\)(\[\])?$", kind)
            if shared:
                path += shared.group(2) or ""
                expand(schema, tables, shared.group(1), tables[shared.group(1)], path + ".", rare)
                continue
            base = kind.rstrip("[]")
            path += "[]" * kind.count("[]")
            if base in ("null", "object"):
                schema.add(path, base, f"{heading}: {field}", True)
            elif base in LEAVES:
                schema.add(path, base, f"{heading}: {field}", rare)
            else:
                raise SystemExit(f"json.md: {path} has the type '{kind}', which is none")


def read_page(page):
    tables = read_tables(page)
    schemas = {}
    for heading in tables | {"fovea.history": []}:
        if heading.startswith("fovea."):
            schemas[heading] = Schema()
            common = tables["JSON"] if heading != "fovea.history" else tables["epoch"]
            expand(schemas[heading], tables, heading, common + tables.get(heading, []), "")
    return schemas


def leaves(value, path=""):
    if isinstance(value, dict):
        if not value:
            yield path, "object"
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        if not value:
            yield path + "[]", "nothing"
        for inner in value:
            yield from leaves(inner, path + "[]")
    elif value is None:
        yield path, "null"
    else:
        yield path, {bool: "bool", int: "int", float: "number", str: "text"}[type(value)]


def allowed(kinds, kind):
    return kind in kinds or (kind == "int" and "number" in kinds)


def check_document(name, schema, document, seen, faults):
    for path, kind in leaves(document):
        if kind == "nothing":
            if not any(known == path or known.startswith(path) for known in schema.kinds):
                faults.add(f"{name}: the list {path[:-2]} is not documented")
        elif path not in schema.kinds:
            faults.add(f"{name}: {path} ({kind}) is not documented")
        elif not allowed(schema.kinds[path], kind):
            faults.add(f"{name}: {path} is {kind}, not {' or '.join(sorted(schema.kinds[path]))}")
        else:
            seen.add((name, path, kind))


def sections(report):
    """The documents that a report is made of, under their names."""
    for key in ("audit", "curves", "rewrite", "tune", "eval"):
        document = dict(report.get(key, {}))
        for field in ("written", "written_sha256", "model_sha256"):
            document.pop(field, None)
        if document and not {"refused", "left_out"} & set(document):
            yield "fovea." + ("eval" if key == "curves" else key), document
    for key, inner, extra, name in (("erf", "fields", {"picture", "picture_scale", "head"}, "fovea.erf"), ("cam", "maps", {"pictures"}, "fovea.cam")):
        for entry in report.get(key, {}).get(inner, []):
            entry = {field: value for field, value in entry.items() if field not in extra}
            if "refused" not in entry:
                yield name, entry if key == "erf" else {"maps": [entry]}
    if "refused" not in report["model"] and "left_out" not in report["model"]:
        yield "fovea.inspect", {**report["model"], "layers": report.get("layers", []), "outline": report["graph"]}


def check_report(schemas, report, seen, faults):
    known = {"schema", "schema_version", "fovea", "provenance", "audit", "model", "graph", "layers", "erf", "cam", "curves",
             "rewrite", "tune", "eval", "baseline"}
    for key in set(report) - known:
        faults.add(f"fovea.report: the section {key} is not documented")
    if set(report["provenance"]) != {"model_sha256", "processor", "cpu", "threads", "seed"}:
        faults.add("fovea.report: provenance has other fields")
    if report.get("baseline"):
        extra = set(report["baseline"]) - {"fovea", "provenance", "model", "audit", "erf", "curves"}
        faults |= {f"fovea.report: baseline has {key}" for key in extra}
    for name, document in sections(report):
        check_document(name, schemas[name], document, seen, faults)


def run(fovea, folder, command, code, file, environment):
    text = ""
    if command:
        result = subprocess.run([str(fovea), *command.split()], cwd=folder, env=environment, capture_output=True, text=True)
        if result.returncode != code:
            raise SystemExit(f"fovea {command}: exit code {result.returncode}, not {code}: {result.stderr[-500:]}")
        text = result.stdout
    if file:
        text = (folder / file).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()] if file and file.endswith(".jsonl") else [json.loads(text)]


def main():
    fovea, source = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
    schemas = read_page(source / "docs" / "json.md")
    seen, faults, written = set(), set(), 0
    with tempfile.TemporaryDirectory(prefix="fovea-json-") as folder:
        documents.furnish(folder, source)
        for name, command, code, file in documents.COMMANDS:
            for document in run(fovea, pathlib.Path(folder), command, code, file, dict(os.environ, LC_ALL="C.UTF-8")):
                written += 1
                for entry in document.get("models", []) if name == "fovea.models" else []:
                    if entry["document"]:
                        check_document(entry["document"]["schema"], schemas[entry["document"]["schema"]], entry["document"], seen, faults)
                        entry["document"] = {}
                if name == "fovea.report":
                    check_report(schemas, document, seen, faults)
                else:
                    if document.get("schema", name) != name:
                        faults.add(f"fovea {command}: says that it is {document['schema']}, not {name}")
                    check_document(name, schemas[name], document, seen, faults)
    library = subprocess.run([sys.argv[3], source / "models" / "fashion_mnist.onnx"], check=True, capture_output=True, text=True)
    for name, text in (line.split(" ", 1) for line in library.stdout.splitlines()):
        written += 1
        check_document(name, schemas[name], json.loads(text), seen, faults)
    met = {schemas[name].rows[path] for name, path, kind in seen if kind != "null"}
    seldom = set()
    for name, schema in schemas.items():
        for path, kinds in schema.kinds.items():
            row = schema.rows[path]
            if row in met or kinds <= {"null", "object"}:
                continue
            if path in schema.seldom and row.startswith(name):
                seldom.add(row)
            else:
                faults.add(f"{row} is documented and does not occur")
    if len(seldom) > MOST_SELDOM:
        faults.add(f"{len(seldom)} fields are called seldom and do not occur (at most {MOST_SELDOM})")
    print("\n".join(sorted(faults)))
    print(f"{len(schemas)} documents, {sum(len(schema.kinds) for schema in schemas.values())} fields, {written} times written, "
          f"{len(seldom)} seldom, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
