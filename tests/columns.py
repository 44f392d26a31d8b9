#!/usr/bin/env python3
"""Lines that are too wide: comments beyond 80 columns, code beyond 100.

    columns.py [--list] [PATH...]

Looks at the files of these paths that git tracks, of all without one, as far as
their language is one of LANGUAGES.  Prints FILE:LINE of each line that is too
wide, and exits 1 if there is one, or if there is no file to look at.  A tab
reaches to the next multiple of 8.  A line whose last word alone is too wide, as
an address may be, is as narrow as it can get.
"""

import io
import re
import subprocess
import sys
import tokenize
from pathlib import Path

COMMENT, CODE = 80, 100

# By the end of the name, how a line looks that has nothing but a comment.
C_LIKE = re.compile(r"\s*(/\*|\*[ /]|\*$|//)")
HASH = re.compile(r"\s*#(?!!)")
LANGUAGES = {
    (".c", ".h", ".js", ".go", ".css"): C_LIKE,
    (".sh", ".bash", ".bats", ".mk", "Makefile", ".ci/run", "deploy/deploy"): HASH,
    (".conf", ".yml", ".yaml", "Dockerfile"): HASH,
    (".lua",): re.compile(r"\s*--"),
    (".py",): HASH,
}


def comment_of(name):
    return next((how for ends, how in LANGUAGES.items() if name.endswith(ends)), None)


def docstrings(text):
    """Numbers of the lines of a Python file that belong to documentation strings."""
    found, before = set(), None
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.STRING and before in (None, tokenize.NEWLINE, tokenize.INDENT):
            found.update(range(token.start[0], token.end[0] + 1))
        if token.type not in (tokenize.COMMENT, tokenize.NL, tokenize.DEDENT):
            before = token.type
    return found


def too_wide(name, text):
    """(line, columns, the most that it may have) of each line that is too wide."""
    comment = comment_of(name)
    prose = docstrings(text) if name.endswith(".py") else set()
    for number, line in enumerate(text.splitlines(), 1):
        most = COMMENT if number in prose or comment.match(line) else CODE
        columns = len(line.expandtabs(8))
        if columns > most and len(line.split()[-1]) + len(line) - len(line.lstrip()) + 2 < most:
            yield number, columns, most


def main():
    paths = sys.argv[1:]
    listed = subprocess.run(["git", "ls-files", "-z", "--", *paths], capture_output=True, check=True)
    files = [name for name in listed.stdout.decode().split("\0") if name and comment_of(name)]
    if not files:
        print("no file to look at")
        return 1
    found = 0
    for name in files:
        for number, columns, most in too_wide(name, Path(name).read_text()):
            print(f"{name}:{number}: {columns} columns, {most} at most")
            found += 1
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
