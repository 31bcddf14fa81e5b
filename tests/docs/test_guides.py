#!/usr/bin/env python3
"""Each guide has its page, docs/guides/NAME.md, and the page has the guide's row as the library tells it, between
"<!-- guide -->" and "<!-- end -->". With --write the pages are brought up to date.

Usage: test_guides.py GUIDE_ROWS SOURCE_FOLDER [--write]
"""
import pathlib
import re
import subprocess
import sys

PARTS = ("## Idea", "## Formula", "## How sure", "## What fovea finds and measures", "## Rewrite", "## Try it")
MARKS = re.compile(r"(<!-- guide -->\n)(.*?)(<!-- end -->)", re.S)


def main():
    told = subprocess.run([sys.argv[1]], capture_output=True, text=True, check=True).stdout
    rows = dict(re.findall(r"^== (\S+)\n(.*?)(?=^== |\Z)", told, re.M | re.S))
    assert len(rows) >= 7, "few guides are told"
    folder, faults = pathlib.Path(sys.argv[2]) / "docs" / "guides", []
    for name, row in rows.items():
        path = folder / f"{name}.md"
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        found = MARKS.search(text)
        if not found:
            faults.append(f"{path}: no page with the place for the guide's row")
        elif found.group(2) != row and "--write" in sys.argv:
            path.write_text(text[:found.start(2)] + row + text[found.end(2):], encoding="utf-8")
        elif found.group(2) != row:
            faults.append(f"{path}: is not the guide's row: test_guides.py --write brings it up to date")
        faults += [f"{path}: has no '{part}'" for part in PARTS if f"\n{part}\n" not in text]
    for path in folder.glob("*.md"):
        if path.stem not in rows and path.stem != "extended-cam":
            faults.append(f"{path}: there is no such guide")
    print("\n".join(faults) or f"{len(rows)} guides")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
