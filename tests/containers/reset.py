#!/usr/bin/env python3
"""Copies a disk while clients write to the service on it, and judges the
service started on a copy.

    reset.py load BASE DISK MOUNTED COUNT OUT    copies the file DISK, mounted on MOUNTED, to
                                                 OUT/1 to OUT/COUNT while clients write to BASE, and
                                                 notes in OUT/N.json what they had sent by then
    reset.py judge BASE OUT/N.json SEED          whether the service at BASE has all of that

The first copies are taken while the service starts.  OUT is on the file system
of DISK, where `cp --reflink` copies a file at one instant.

Each client has a collection of its own and sends a fixed sequence of requests,
one after the other.  So a copy is whole if the collection is as it was after
some request, and that is not an earlier one than the last that was answered
before the copy.
"""

import argparse
import ctypes
import http.client
import json
import os
import random
import subprocess
import sys
import threading
import time
import urllib.parse

CLIENTS = 8
RECORDS = 40
# Between two copies: seconds, half of it to one and a half by chance, and
# writes at least.
PAUSE = 0.4
WRITES = 50
# Copies before the first write.
EARLY = 3
DEADLINE = 120


def request(client, n):
    """The n-th request of this client, from 1 up: (name, value) of a record.

    Without a value the record is removed, without a name all are.
    """
    if n == 1 or n % 101 == 0:
        return None, None
    chance = random.Random(client * 1000003 + n)
    name = f"r{chance.randrange(RECORDS)}"
    if n % 11 == 0:
        return name, None
    return name, f"{n} " + "x" * chance.choice([1, 30, 300, 3000])


def change(records, name, value):
    if name is None:
        records.clear()
    elif value is None:
        records.pop(name, None)
    else:
        records[name] = value


class Client(threading.Thread):
    """Sends a request again until it succeeds: each has the same effect twice
    as once."""

    def __init__(self, base, number, end):
        super().__init__(daemon=True)
        self.host = urllib.parse.urlsplit(base).netloc
        self.number, self.end = number, end
        self.path = f"/json/client{number}"
        self.sent = self.answered = 0
        self.failure = None

    def run(self):
        link = http.client.HTTPConnection(self.host, timeout=20)
        while not self.end.is_set() and self.failure is None:
            if self.sent == self.answered:
                self.sent += 1
            try:
                status, data = self.send(link, *request(self.number, self.sent))
            except (OSError, http.client.HTTPException):
                link.close()
                status = 503
            if (
                status in (200, 201, 204)
                or status == 404
                and request(self.number, self.sent)[1] is None
            ):
                self.answered = self.sent
            elif status in (502, 503, 504):
                time.sleep(0.05)
            else:
                self.failure = f"{self.path}: {status} {data[:200]}"

    def send(self, link, name, value):
        fields = {"Content-Type": "application/json", "Prefer": "return=minimal"}
        if name is None:
            link.request("PUT", self.path, "{}", fields)
        elif value is None:
            link.request("DELETE", f"{self.path}/{name}", headers=fields)
        else:
            link.request("PUT", f"{self.path}/{name}", json.dumps({"new": value}), fields)
        answer = link.getresponse()
        return answer.status, answer.read()


class Kernel(threading.Thread):
    """Makes the kernel write parts of the store and its journal, which it may
    do at any time."""

    def __init__(self, directory, end):
        super().__init__(daemon=True)
        self.directory, self.end = directory, end
        self.libc = ctypes.CDLL(None, use_errno=True)

    def run(self):
        store = os.path.join(self.directory, "run", "store", "data.mdb")
        while not self.end.wait(random.uniform(0.02, 0.2)):
            if os.path.exists(store):
                self.write_some(store)
            if random.random() < 0.3:
                with open(os.path.join(self.directory, "another"), "a", encoding="ascii") as file:
                    file.write("a line\n")
                    file.flush()
                    os.fsync(file)

    def write_some(self, name):
        fd = os.open(name, os.O_RDWR)
        pages = max(1, os.fstat(fd).st_size // 4096)
        start = ctypes.c_int64(random.randrange(pages) * 4096)
        length = ctypes.c_int64(random.randint(1, pages) * 4096)
        self.libc.sync_file_range(fd, start, length, 2)  # SYNC_FILE_RANGE_WRITE
        os.close(fd)


def wait_for_writes(clients, wanted):
    deadline = time.monotonic() + DEADLINE
    while sum(c.answered for c in clients) < wanted:
        for client in clients:
            if client.failure:
                sys.exit(client.failure)
        if time.monotonic() > deadline:
            sys.exit(f"no {wanted} writes in {DEADLINE} s")
        time.sleep(0.01)


def load(args):
    end = threading.Event()
    clients = [Client(args.base, i, end) for i in range(CLIENTS)]
    kernel = Kernel(args.mounted, end)
    kernel.start()
    for copy in range(1, args.count + 1):
        if copy == EARLY + 1:
            for client in clients:
                client.start()
        time.sleep(PAUSE * random.uniform(0.5, 1.5))
        if copy > EARLY:
            wait_for_writes(clients, sum(c.answered for c in clients) + WRITES)
        name = os.path.join(args.out, str(copy))
        answered = [c.answered for c in clients]
        subprocess.run(["cp", "--reflink=always", args.disk, name], check=True)
        sent = [c.sent for c in clients]
        with open(name + ".json", "w", encoding="ascii") as file:
            json.dump({"answered": answered, "sent": sent}, file)
    end.set()
    for thread in [*clients, kernel]:
        thread.join()
    for client in clients:
        if client.failure:
            sys.exit(client.failure)


def faults(store, known, seed):
    """What is wrong, and how many of the answered requests are lost."""
    wrong, lost = [], 0
    expected = set(seed)
    for name, records in seed.items():
        if store.get(name) != records:
            wrong.append(f"{name} is not as it was")
    for client, (answered, sent) in enumerate(zip(known["answered"], known["sent"])):
        name = f"client{client}"
        expected.add(name)
        found, records, states = store.get(name), {}, []
        for n in range(0, sent + 1):
            if n > 0:
                change(records, *request(client, n))
            if found == (records if n > 0 else None):
                states.append(n)
        if not states:
            wrong.append(f"{name} is as it never was")
        elif states[-1] < answered:
            lost += answered - states[-1]
    wrong += [f"{name} is nobody's" for name in sorted(set(store) - expected)]
    return wrong, lost


def judge(args):
    with open(args.known, encoding="ascii") as file:
        known = json.load(file)
    with open(args.seed, encoding="utf-8") as file:
        seed = json.load(file)
    link = http.client.HTTPConnection(urllib.parse.urlsplit(args.base).netloc, timeout=20)
    link.request("GET", "/json")
    answer = link.getresponse()
    data = answer.read()
    if answer.status != 200:
        sys.exit(f"GET /json: {answer.status} {data[:200]}")
    wrong, lost = faults(json.loads(data), known, seed)
    answered = sum(known["answered"])
    if wrong:
        print(f"wrong: {'; '.join(wrong)}")
    elif lost:
        print(f"lost {lost} of {answered}")
    else:
        print(f"whole, with {answered}")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    modes = parser.add_subparsers(required=True)
    mode = modes.add_parser("load")
    for name in ("base", "disk", "mounted"):
        mode.add_argument(name)
    mode.add_argument("count", type=int)
    mode.add_argument("out")
    mode.set_defaults(run=load)
    mode = modes.add_parser("judge")
    for name in ("base", "known", "seed"):
        mode.add_argument(name)
    mode.set_defaults(run=judge)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
