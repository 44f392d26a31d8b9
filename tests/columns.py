#!/usr/bin/env python3
"""Lines that are too wide: comments beyond 80 columns, code beyond 100.

    columns.py [--comments] [PATH...]

Looks at the files of these paths that git tracks, of all without one, if their
language is one of LANGUAGES.  Prints FILE:LINE of each line that is too wide,
and exits 1 if there is one, or if there is no file to look at.  With
--comments, only comments count.  A tab reaches to the next multiple of 8.

A table or an example in a comment, which is indented, and a line of `make help`
count as code.  A line whose last word alone is too wide, as an address may be,
is as narrow as it can get.
"""

import io
import re
import subprocess
import sys
import tokenize
from pathlib import Path

COMMENT, CODE = 80, 100

# By the end of a file's name: a comment, and its text.
C_LIKE = re.compile(r"\s*(?:/\*|\*(?=\s|$)|//)(.*)")
HASH = re.compile(r"\s*#(?![!#])(.*)")
LANGUAGES = {
    (".c", ".h", ".js", ".go"): C_LIKE,
    (".sh", ".bash", ".bats", ".mk", "Makefile", ".ci/run", "deploy/deploy"): HASH,
    (".conf", ".yml", ".yaml", "Dockerfile", ".py"): HASH,
    (".lua",): re.compile(r"\s*--(.*)"),
}
INDENTED = re.compile(r"\t|    ")


def comment_of(name):
    return next((how for ends, how in LANGUAGES.items() if name.endswith(ends)), None)


def docstrings(text):
    """The indentation of documentation strings in Python, by line."""
    found, before = {}, None
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.STRING and before in (None, tokenize.NEWLINE, tokenize.INDENT):
            lines = range(token.start[0], token.end[0] + 1)
            found.update(dict.fromkeys(lines, token.start[1]))
        if token.type not in (tokenize.COMMENT, tokenize.NL, tokenize.DEDENT):
            before = token.type
    return found


def is_prose(number, line, comment, strings):
    if number in strings:
        return not INDENTED.match(line[strings[number] :])
    found = comment.match(line)
    return found is not None and not INDENTED.match(found[1])


def too_wide(name, text, code):
    """(line, columns, the most it may have) of each line that is too wide."""
    comment = comment_of(name)
    strings = docstrings(text) if name.endswith(".py") else {}
    for number, line in enumerate(text.splitlines(), 1):
        most = COMMENT if is_prose(number, line, comment, strings) else code
        columns = len(line.expandtabs(8))
        indent = len(line) - len(line.lstrip())
        if columns > most and indent + len(line.split()[-1]) + 2 < most:
            yield number, columns, most


def main():
    paths = sys.argv[1:]
    code = CODE
    if "--comments" in paths:
        paths.remove("--comments")
        code = float("inf")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", *paths], capture_output=True, check=True
    )
    files = [name for name in listed.stdout.decode().split("\0") if name and comment_of(name)]
    if not files:
        print("no file to look at")
        return 1
    found = 0
    for name in files:
        for number, columns, most in too_wide(name, Path(name).read_text(), code):
            print(f"{name}:{number}: {columns} columns, {most} at most")
            found += 1
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
