"""The project's documents, taken apart: fenced blocks, headings, links, code
within the text."""

import os
import re
import subprocess
from pathlib import Path

TREE = Path(__file__).resolve().parents[2]

# Whose commands are all run, by transcript.py or by a test that elsewhere.txt
# names.
FRONT_DOOR = ["README.md", "CONTRIBUTING.md", "docs/*.md", "deploy/README.md"]
# Whose links and names are checked, too.
OTHERS = ["CHANGELOG.md", "tests/README.md", "bench/README.md"]


def paths(patterns):
    return [path for pattern in patterns for path in sorted(TREE.glob(pattern))]


class Block:
    """A fenced block; `line` is the number of its first line within the fence,
    from 1 on."""

    def __init__(self, info, line):
        self.info = info
        self.line = line
        self.lines = []


class Page:
    def __init__(self, path):
        self.path = path
        self.name = os.path.relpath(path, TREE)
        self.blocks = []
        self.prose = []  # (number, line) outside the fences
        block = None
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            fence = re.fullmatch(r"```(.*)", line)
            if block is not None and fence:
                block = None
            elif block is not None:
                block.lines.append(line)
            elif fence:
                block = Block(fence[1].strip(), number + 1)
                self.blocks.append(block)
            else:
                self.prose.append((number, line))
        if block is not None:
            raise ValueError(f"{self.name}: a fence is not closed")

    def headings(self):
        return [line.lstrip("#").strip() for _, line in self.prose if re.match(r"#{1,6} ", line)]

    def anchors(self):
        """As GitHub makes them of headings."""
        seen = {}
        for heading in self.headings():
            text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
            anchor = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
            count = seen.get(anchor, 0)
            seen[anchor] = count + 1
            yield f"{anchor}-{count}" if count else anchor

    def links(self):
        """(number, target) of each link and picture."""
        text = "\n".join(line for _, line in self.prose)
        numbers = [number for number, _ in self.prose]
        for match in re.finditer(r"\]\(([^()\s]+(?:\([^()]*\))?[^()\s]*)\)", text):
            yield numbers[text.count("\n", 0, match.start())], match[1]

    def code(self):
        """(number, text) of what stands between backquotes."""
        for number, line in self.prose:
            for match in re.finditer(r"`([^`]+)`", line):
                yield number, match[1]


def make_targets():
    """What `make help` shows."""
    out = subprocess.run(["make", "--no-print-directory", "-C", TREE, "help"], check=True,
                         capture_output=True, text=True).stdout
    return set(re.findall(r"^  make (\S+)", out, re.M))
