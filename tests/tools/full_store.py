#!/usr/bin/env python3
"""Writes, overwrites and removes at random in a small store, mostly full.

    full_store.py SOCKET SEED STEPS

Every removal has to succeed, a write is done or answered with 507, and the
store always holds what the answers said.
"""

import json
import random
import sys

import fcgi

client = fcgi.Client(sys.argv[1])
rnd = random.Random(int(sys.argv[2]))
model = {}
full = removed = 0


def text(largest):
    return rnd.choice("abc") * int(10 ** rnd.uniform(0, largest))


def ask(method, path, value=None):
    body = b"" if value is None else json.dumps(value).encode()
    return client(method, path, body, extra=[("HTTP_PREFER", "return=minimal")]).status


def write(*request):
    """True where it was done."""
    global full
    status = ask(*request)
    full += status == 507
    assert status in (201, 204, 507), (request[:2], status)
    return status != 507


def remove(path):
    global removed
    status = ask("DELETE", path)
    assert status == 204, ("DELETE", path, status)
    removed += 1


for step in range(int(sys.argv[3])):
    name, what = f"c{rnd.randrange(4)}", rnd.random()
    records = model.get(name)
    if records is None:
        if write("POST", f"/json/{name}", {}):
            model[name] = {}
    elif what < 0.55:
        record, value = f"r{rnd.randrange(400)}", text(5)
        if write("PUT", f"/json/{name}/{record}", {"new": value}):
            records[record] = value
    elif what < 0.7:
        patch = {
            f"r{rnd.randrange(400)}": rnd.choice([None, text(4)])
            for _ in range(rnd.randrange(1, 30))
        }
        if write("PATCH", f"/json/{name}", patch):
            records.update(patch)
            model[name] = {key: value for key, value in records.items() if value is not None}
    elif what < 0.99 and records and full:
        record = rnd.choice(list(records))
        remove(f"/json/{name}/{record}")
        del records[record]
    elif what >= 0.99 and full:
        remove(f"/json/{name}")
        del model[name]
    if step % 500 == 499:
        assert (
            json.loads(client("GET", "/json").body) == model
        ), f"step {step}: the store is not what was said"
print(f"{full} writes refused, {removed} removals")
assert full > 20 and removed > 20
