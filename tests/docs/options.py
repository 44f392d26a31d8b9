#!/usr/bin/env python3
"""Makes the tables of docs/configuration.md from what the program says of its
options.

    options.py PROGRAM            exit status 1 and the differences where the page says otherwise
    options.py --write PROGRAM    puts the tables into the page; `make docs` does that

The tables stand between lines "<!-- markbook COMMAND --help -->" and "<!-- end
-->".
"""

import difflib
import re
import subprocess
import sys

import pages

PAGE = pages.TREE / "docs/configuration.md"
MARKED = re.compile(r"(<!-- markbook (\w+) --help -->\n).*?(<!-- end -->)", re.S)


def options(program, command):
    """(flag, facts, meaning) of each; facts are "environment", "default" and
    "range"."""
    text = subprocess.run([program, command, "--help"], check=True, capture_output=True,
                          text=True).stdout
    found = []
    for line in text.splitlines():
        option = re.match(r"  (--\S+) +(.+)", line)
        if option:
            found.append((option[1], {}, option[2]))
        elif re.match(r" {20}", line):
            for fact in line.strip().split("; "):
                name, colon, value = fact.partition(": ")
                found[-1][1].update({name: value} if colon else {"range": fact})
    return [option for option in found if option[0] != "--help"]


def code(text):
    return "`" + text.replace("|", "\\|") + "`" if text else ""


def table(program, command):
    lines = ["| option | variable | default | range | meaning |", "|---|---|---|---|---|"]
    for flag, facts, meaning in options(program, command):
        lines.append(f"| {code(flag)} | {code(facts.get('environment'))} | "
                     f"{code(facts.get('default'))} | {facts.get('range', '')} | {meaning} |")
    return "\n".join(lines) + "\n"


def main():
    write = sys.argv[1:2] == ["--write"]
    program = sys.argv[-1]
    old = PAGE.read_text(encoding="utf-8")
    new = MARKED.sub(lambda m: m[1] + table(program, m[2]) + m[3], old)
    if write:
        PAGE.write_text(new, encoding="utf-8")
        return 0
    commands = [m[2] for m in MARKED.finditer(old)]
    if not commands:
        sys.exit(f"{PAGE}: no table is marked")
    sys.stdout.writelines(difflib.unified_diff(old.splitlines(True), new.splitlines(True),
                                               "the page", "the program"))
    return 0 if old == new else 1


if __name__ == "__main__":
    sys.exit(main())
