#!/usr/bin/env python3
"""Checks that the files of the repository are as .editorconfig says
(https://spec.editorconfig.org).

    tests/editorconfig.py [FILE...]    all files that git knows, without one

Where lines are indented with tabs, spaces may align what follows them: fewer
than indent_size. A here-document is indented as what it is. Prints what is
wrong, one a line; the exit status is 1 then.
"""

import re
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
# Of each file's lines.
SHOWN = 3


def expression(glob):
    """A section's name as a regular expression: *, **, ?, {a,b}."""
    out, depth = "", 0
    for part in re.findall(r"\*\*|.", glob):
        if part == "{":
            out, depth = out + "(?:", depth + 1
        elif part == "}":
            out, depth = out + ")", depth - 1
        elif part == "," and depth:
            out += "|"
        else:
            out += {"**": ".*", "*": "[^/]*", "?": "[^/]"}.get(part, re.escape(part))
    return re.compile(f"(?:.*/)?{out}")


def sections():
    found = []
    for line in (TOP / ".editorconfig").read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            found.append((expression(line.strip()[1:-1]), {}))
        elif "=" in line and not line.startswith("#") and found:
            key, value = line.split("=", 1)
            found[-1][1][key.strip()] = value.strip()
    return found


def rules(name, found):
    out = {}
    for glob, values in found:
        if glob.fullmatch(name):
            out.update(values)
    return {key: value for key, value in out.items() if value != "unset"}


def wrong_in_line(line, rule):
    indent = re.match(r"[ \t]*", line)[0]
    style, size = rule.get("indent_style"), int(rule.get("indent_size", 8))
    if rule.get("trim_trailing_whitespace") == "true" and line != line.rstrip():
        yield "white space at the end"
    if style == "space" and "\t" in indent:
        yield "a tab in an indent of spaces"
    if style == "tab" and (" \t" in indent or " " * size in indent):
        yield "spaces in an indent of tabs"
    if len(line.expandtabs(size)) > int(rule.get("max_line_length", sys.maxsize)):
        yield f"longer than {rule['max_line_length']} columns"


def here_documents(lines):
    """The numbers of the lines in here-documents of a shell script."""
    end, inside = None, set()
    for number, line in enumerate(lines, 1):
        begins = re.search(r"<<-?\s*(['\"]?)(\w+)\1(?!<)", line)
        if end is not None:
            inside.add(number)
            end = None if line.strip() == end else end
        elif begins:
            end = begins[2]
    return inside


def wrong_in_file(name, rule):
    data = (TOP / name).read_bytes()
    if rule.get("end_of_line") == "lf" and b"\r" in data:
        yield name, "a carriage return"
    if rule.get("insert_final_newline") == "true" and data and not data.endswith(b"\n"):
        yield name, "no newline at the end"
    if rule.get("charset") != "utf-8":
        return
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        yield name, "not UTF-8"
        return
    lines = text.split("\n")
    is_shell = name.endswith((".sh", ".bash", ".bats")) or lines[0].endswith(("sh", "bats"))
    skipped = here_documents(lines) if is_shell else set()
    for number, line in enumerate(lines, 1):
        for what in wrong_in_line(line, {} if number in skipped else rule):
            yield f"{name}:{number}", what


def main():
    names = sys.argv[1:] or subprocess.run(
        ["git", "-C", TOP, "ls-files"], check=True, capture_output=True, text=True
    ).stdout.split("\n")
    found = sections()
    wrong = 0
    for name in names:
        if not name or not (TOP / name).is_file():
            continue
        # A file that is wrong is often wrong all through.
        lines = [f"{where}: {what}" for where, what in wrong_in_file(name, rules(name, found))]
        wrong += len(lines)
        print("".join(line + "\n" for line in lines[:SHOWN]), end="")
        if len(lines) > SHOWN:
            print(f"{name}: and {len(lines) - SHOWN} more lines")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
