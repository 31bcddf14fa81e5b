#!/usr/bin/env python3
"""Each guide has its page, docs/guides/NAME.md, and the page has the guide's row as the library tells it: at its head
between "<!-- guide -->" and "<!-- end -->", settings and recipe behind "<!-- settings -->". With --write the pages are
brought up to date. The codes of its table are those of the guide's source.

Usage: test_guides.py GUIDE_ROWS SOURCE_FOLDER [--write]
"""
import pathlib
import re
import subprocess
import sys

PARTS = ("## Idea", "## Formula", "## How sure", "## What fovea finds and measures", "## Rewrite", "## Settings", "## Try it")


def check_codes(source, name, page):
    """Codes in the page are those that src/guide/NAME.c gives to findings."""
    path = source / "src" / "guide" / f"{name.replace('-', '_')}.c"
    text = path.read_text(encoding="utf-8")
    prefix = re.search(r'\.prefix = "([A-Z]+)"', text).group(1)
    given = {prefix + number for number in re.findall(r'"(0\d\d)"', text)}
    told = set(re.findall(rf"^\| ({prefix}\d+) \|", page, re.M))
    yield from (f"{name}: {code} is not in the page's table" for code in sorted(given - told))
    yield from (f"{name}: {code} of the page's table is given to no finding" for code in sorted(told - given))


def main():
    told = subprocess.run([sys.argv[1]], capture_output=True, text=True, check=True).stdout
    rows = dict(re.findall(r"^== (\S+)\n(.*?)(?=^== |\Z)", told, re.M | re.S))
    assert len(rows) >= 7, "few guides are told"
    source = pathlib.Path(sys.argv[2])
    folder, faults = source / "docs" / "guides", []
    for name, row in rows.items():
        path = folder / f"{name}.md"
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        head, settings = row.split("--\n", 1)
        made = text
        for mark, told_here in (("guide", head), ("settings", settings)):
            made, count = re.subn(rf"(<!-- {mark} -->\n).*?(<!-- end -->)", lambda m: m[1] + told_here + m[2], made, flags=re.S)
            if not count:
                faults.append(f"{path}: has no place for the guide's {mark}")
        if made != text and "--write" in sys.argv:
            path.write_text(made, encoding="utf-8")
        elif made != text:
            faults.append(f"{path}: is not the guide's row: test_guides.py --write brings it up to date")
        faults += check_codes(source, name, text)
        faults += [f"{path}: has no '{part}'" for part in PARTS if f"\n{part}\n" not in text]
    for path in folder.glob("*.md"):
        if path.stem not in rows and path.stem != "extended-cam":
            faults.append(f"{path}: there is no such guide")
    print("\n".join(faults) or f"{len(rows)} guides")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
