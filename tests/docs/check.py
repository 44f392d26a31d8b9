#!/usr/bin/env python3
"""Checks the documents without running anything:

    check.py commands    transcript.py runs every command, or a test that elsewhere.txt names
    check.py links       every link leads to a file, and to a heading in it
    check.py names       paths, make targets and functions that stand in the text are there
    check.py figures     figures of speed and endurance are those of the last runs
    check.py packages    every package of conf/deps.sh has its line
    check.py shape       lengths

Prints what is wrong, one a line; the exit status is 1 then.
"""

import re
import sys
from pathlib import Path

import pages

HERE = Path(__file__).resolve().parent
# Blocks that show no command.
SHOWN = {"json", "text", "layers", "entrances", "c"}
README_LINES = 120
COLUMNS = 80
# `file`, `function()`, and the same in the next column, where the file may be a
# link.
IN_FILE = r"`(fcgi/[^`]+)`(?:\]\([^)]*\))?(?:, | \| )`(\w+)\(\)`"
FIGURE = r"\b\d{1,3}(?:,\d{3})+\b|\b\d+\.\d+\b"


def elsewhere():
    """{command: (test, text)} of elsewhere.txt, and what is wrong with it."""
    found, wrong = {}, []
    test = text = None
    for number, line in enumerate((HERE / "elsewhere.txt").read_text().splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        if line.startswith("\t"):
            found[line.strip()] = test
            continue
        test, _, text = line.partition(": ")
        if test == "-":
            continue
        path = pages.TREE / test
        if not path.is_file() or text not in path.read_text(encoding="utf-8"):
            wrong.append(f"elsewhere.txt:{number}: no file {test} that holds: {text}")
    return found, wrong


def shell_commands(block):
    """(number, command) of each in a block of sh, lines that a backslash
    continues taken together."""
    text, first = "", 0
    for number, line in enumerate(block.lines, block.line):
        if not text and (not line.strip() or line.startswith("#")):
            continue
        first = first or number
        text += line.strip()
        if text.endswith("\\"):
            text = text[:-1].rstrip() + " "
            continue
        # A comment that says what the command is for.
        yield first, re.sub(r"\s+# .*", "", text)
        text, first = "", 0
    if text:
        yield first, text


def check_commands():
    known, wrong = elsewhere()
    used = set()
    for path in pages.paths(pages.FRONT_DOOR):
        page = pages.Page(path)
        for block in page.blocks:
            if block.info == "sh":
                for number, command in shell_commands(block):
                    used.add(command)
                    if command not in known:
                        wrong.append(f"{page.name}:{number}: no test runs: {command}")
            elif block.info != "console" and block.info not in SHOWN:
                wrong.append(
                    f"{page.name}:{block.line - 1}: a block of '{block.info}': commands "
                    "are console (run as they stand) or sh (run by a test of their own)"
                )
        before = ""
        for number, line in page.prose:
            if re.match(r"\s+```", line) or (re.match(r" {4}|\t", line) and not before.strip()):
                wrong.append(f"{page.name}:{number}: a block that is no fence at the margin")
            before = line
    wrong += [f"elsewhere.txt: no document has: {command}" for command in known.keys() - used]
    return wrong


def is_shown_code(block, sources):
    return all(line.strip() in sources for line in block.lines if line.strip())


def all_pages():
    return [pages.Page(path) for path in pages.paths(pages.FRONT_DOOR + pages.OTHERS)]


def check_links():
    wrong = []
    reached = set()
    for page in all_pages():
        for number, target in page.links():
            if re.match(r"[a-z]+:", target):
                continue
            name, _, anchor = target.partition("#")
            path = (page.path.parent / name).resolve() if name else page.path
            reached.add(path)
            if not path.exists():
                wrong.append(f"{page.name}:{number}: no file {name}")
            elif anchor and path.suffix == ".md" and anchor not in pages.Page(path).anchors():
                wrong.append(f"{page.name}:{number}: no heading #{anchor} in {name or page.name}")
    wrong += [
        f"{path.relative_to(pages.TREE)}: nothing leads there"
        for path in pages.paths(["docs/*.md", "CONTRIBUTING.md"])
        if path not in reached
    ]
    return wrong


def check_names():
    wrong = []
    targets = pages.make_targets()
    sources = "\n".join(
        path.read_text(encoding="utf-8") for path in sorted((pages.TREE / "fcgi").rglob("*.[ch]"))
    )
    functions = set(re.findall(r"\b(\w+)\(", sources))
    for page in all_pages():
        wrong += [
            f"{page.name}:{block.line}: no such lines in fcgi/"
            for block in page.blocks
            if block.info == "c" and not is_shown_code(block, sources)
        ]
        for number, line in page.prose:
            wrong += [
                f"{page.name}:{number}: no function {name}() in {path}"
                for path, name in re.findall(IN_FILE, line)
                if f"{name}(" not in (pages.TREE / path).read_text(encoding="utf-8")
            ]
        for number, code in page.code():
            make = re.fullmatch(r"make((?: [\w-]+)*)((?: \w+=\S*)*)", code)
            path = re.match(
                r"(?:fcgi|conf|tests|bench|deploy|docs|web|\.ci|\.github)/[\w./*-]*", code
            )
            function = re.fullmatch(r"(\w+)\(\)", code)
            if make:
                wrong += [
                    f"{page.name}:{number}: no target {target} in `make help`"
                    for target in make[1].split()
                    if target not in targets
                ]
            elif path and not list(pages.TREE.glob(path[0].rstrip("/."))):
                wrong.append(f"{page.name}:{number}: no file {path[0]}")
            elif function and function[1] not in functions:
                wrong.append(f"{page.name}:{number}: no function {code} in fcgi/")
    return wrong


def check_figures():
    """Numbers with a decimal point or a thousands separator stand in the
    reports, too."""
    reports = "\n".join(
        path.read_text(encoding="utf-8")
        for path in pages.paths(["bench/README.md", "bench/results/*.md", "tests/README.md"])
    )
    known = set(re.findall(FIGURE, reports))
    wrong = []
    for path in pages.paths(["README.md", "docs/performance.md", "docs/security.md"]):
        page = pages.Page(path)
        for number, line in page.prose:
            # Not those of addresses.
            text = re.sub(r"\]\([^)]*\)|`[^`]*`|<[^>]*>|\b\d+(\.\d+){3}\b|\d+\.\d+/", "", line)
            wrong += [
                f"{page.name}:{number}: no report has {figure}"
                for figure in re.findall(FIGURE, text)
                if figure not in known
            ]
    return wrong


def check_packages():
    text = "".join(
        (pages.TREE / name).read_text(encoding="utf-8") for name in ("README.md", "CONTRIBUTING.md")
    ).lower()
    script = (pages.TREE / "conf/deps.sh").read_text(encoding="utf-8")
    found = re.findall(r'^\t\[(?:build|serve|try|test|lint)\]="([^"]*)"', script, re.M)
    names = [re.sub(r"^lib|-dev$", "", name) for part in found for name in part.split()]
    return [
        f"neither README.md nor CONTRIBUTING.md has {name}" for name in names if name not in text
    ] + ["conf/deps.sh: no lists found"] * (not names)


def check_shape():
    readme = pages.TREE / "README.md"
    length = len(readme.read_text(encoding="utf-8").splitlines())
    wrong = [f"README.md has {length} lines, more than {README_LINES}"] * (length > README_LINES)
    for path in pages.paths(pages.FRONT_DOOR + ["CHANGELOG.md"]):
        page = pages.Page(path)
        for number, line in page.prose:
            # A table's row and a link cannot be divided.
            if len(line) > COLUMNS and not line.startswith("|") and "](" not in line:
                wrong.append(f"{page.name}:{number}: {len(line)} columns, more than {COLUMNS}")
    return wrong


CHECKS = {
    "commands": check_commands,
    "links": check_links,
    "names": check_names,
    "shape": check_shape,
    "figures": check_figures,
    "packages": check_packages,
}


def main():
    if len(sys.argv) != 2 or sys.argv[1] not in CHECKS:
        sys.exit(f"usage: {sys.argv[0]} {'|'.join(CHECKS)}")
    wrong = CHECKS[sys.argv[1]]()
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
