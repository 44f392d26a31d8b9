#!/usr/bin/env python3
"""Prints a JSON document from standard input with one thing in it changed.

    change.py /containerDefinitions/0/stopTimeout 121
    change.py /volumes/0/host ''                          (an empty value removes the member)

The path is a JSON pointer (RFC 6901) without escapes; members on the way are
made where missing.
"""

import json
import sys

document = json.load(sys.stdin)
*path, last = sys.argv[1].lstrip("/").split("/")
at = document
for name in path:
    at = at[int(name)] if isinstance(at, list) else at.setdefault(name, {})
if isinstance(at, list):
    last = int(last)
if sys.argv[2] == "":
    del at[last]
else:
    at[last] = json.loads(sys.argv[2])
json.dump(document, sys.stdout)
