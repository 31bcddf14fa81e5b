"""What the pages for people hold: README.md, docs/ and models/README.md as blocks of text and of code.

A code block is fenced and says its language. One in `sh` is run (test_commands.py), each command with exit code 0 unless
its line ends in "# exit code N". Comments in front of a block say what readers need not see:
    <!-- not run: WHY -->  a block that cannot be run in a test: it is counted and shown
    <!-- file: NAME -->    the block's text is written to this file, in its place among the commands
    <!-- run with: X -->   X is added to each 'fovea tune', so that hours become seconds
"""
import pathlib
import re

FENCE = re.compile(r"^```(\w*)\s*$")
MARK = re.compile(r"^<!-- (not run|file|run with): (.*) -->$")


class Block:
    def __init__(self, page, line, language, mark, why):
        self.page, self.line, self.language = page, line, language
        self.mark, self.why = mark, why  # "not run" and the reason, "file" and its name, "run with" and options, or None
        self.lines = []

    @property
    def place(self):
        return f"{self.page}:{self.line}"

    @property
    def text(self):
        return "".join(line + "\n" for line in self.lines)


class Page:
    def __init__(self, root, path):
        self.path = path
        self.name = str(path.relative_to(root))
        self.lines = path.read_text(encoding="utf-8").splitlines()
        self.blocks, self.prose, self.faults = [], [], []
        self.read()

    def read(self):
        block, mark = None, (None, None)
        for number, line in enumerate(self.lines, 1):
            fence = FENCE.match(line)
            if block is not None:
                if line == "```":
                    block = None
                else:
                    block.lines.append(line)
            elif fence:
                block = Block(self.name, number, fence.group(1), *mark)
                self.blocks.append(block)
                if not block.language:
                    self.faults.append(f"{block.place}: a code block without a language")
                mark = (None, None)
            else:
                found = MARK.match(line)
                mark = (found.group(1), found.group(2)) if found else mark if not line else (None, None)
                if line.startswith("    ") and self.prose and not self.prose[-1]:
                    self.faults.append(f"{self.name}:{number}: an indented block: fence it, with its language")
                self.prose.append(line)
        if block is not None:
            self.faults.append(f"{block.place}: the code block does not end")


def all_pages(root):
    root = pathlib.Path(root)
    paths = [root / "README.md", root / "models" / "README.md", *sorted((root / "docs").rglob("*.md"))]
    return [Page(root, path) for path in paths]
